// What a learner is asked: predictions, committed before the outcome is shown; and questions, each choice with its reason.
(() => {
  const {make, text} = lab;

  // A prediction: committed before the outcome is shown, kept, and set beside it -------------------------------------------

  lab.blocks.prediction = ({id, prompt, options, unit, min, max, outcome, verdict, why}, {trigger, redraw}) => {
    const kept = lab.store.get('predictions', id);
    lab.gate(id, kept !== undefined);
    const said = value => lab.inUnits(value, options ? undefined : unit);
    if (kept === undefined) {
      const input = options
        ? make('div', {class: 'options', role: 'radiogroup', 'aria-label': prompt}, options.map(option =>
            make('label', {class: 'option'}, make('input', {type: 'radio', name: `prediction-${id}`, value: option}), make('span', {}, option))))
        : make('span', {class: 'guess'}, make('input', {type: 'number', min, max, step: 'any', inputmode: 'decimal', 'aria-label': prompt, class: 'number-input'}), unit && make('span', {}, unit));
      const form = make('form', {class: 'prediction', 'data-key': `open-${id}`},
        make('p', {class: 'kicker'}, 'Predict first'), make('p', {class: 'prompt'}, text(prompt)), input,
        make('button', {class: 'button primary', type: 'submit'}, 'Commit my prediction'),
        make('p', {class: 'complaint', role: 'alert'}));
      form.addEventListener('submit', event => {
        event.preventDefault();
        const raw = options ? form.querySelector('input:checked')?.value : form.querySelector('input').value;
        const number = Number(raw);
        const complaint = raw === undefined || raw === '' ? 'Make a prediction first; any honest guess will do.'
          : !options && (!Number.isFinite(number) || number < (min ?? -Infinity) || number > (max ?? Infinity)) ? `Give a number from ${min} to ${max}.` : '';
        form.querySelector('.complaint').textContent = complaint;
        if (complaint) return;
        const value = options ? raw : number;
        lab.store.put('predictions', id, {value, prompt, unit: options ? undefined : unit, at: Date.now()});
        trigger('commit', {id, value});
        redraw();
      });
      return form;
    }
    const known = outcome !== null && outcome !== undefined;
    if (known && kept.outcome === undefined)  // the first outcome is the one predicted
      queueMicrotask(() => lab.store.put('predictions', id, {...kept, outcome}));
    const came = kept.outcome ?? outcome;
    return make('div', {class: 'prediction committed', 'data-key': `done-${id}`},
      make('p', {class: 'kicker'}, 'Your prediction'), make('p', {class: 'prompt'}, text(kept.prompt || prompt)),
      make('div', {class: 'verdict', 'aria-live': 'polite'},
        make('div', {}, make('span', {}, 'You said'), make('b', {}, said(kept.value))),
        make('div', {}, make('span', {}, 'It came to'), make('b', {}, came === null || came === undefined ? 'not yet known' : said(came)))),
      known && came !== outcome && make('p', {class: 'say'}, 'With what is in use now it comes to ', make('b', {}, said(outcome)), '.'),
      known && verdict && make('p', {class: 'say'}, text(verdict)),
      known && why && make('p', {class: 'say'}, text(why)));
  };

  // What carries the class `after-prediction-ID` stays out of sight until the prediction is committed.
  lab.gate = (id, open) => {
    const name = `gate-${id}`;
    const there = document.getElementById(name);
    if (open) there?.remove();
    else if (!there) document.head.append(make('style', {id: name}, `.after-prediction-${id}{display:none!important}`));
  };

  // Questions: choose, and hear why, right or wrong ------------------------------------------------------------------------

  lab.blocks.questions = ({lesson, questions, again}, {trigger, redraw}) => {
    const card = make('section', {class: 'questions', 'aria-label': 'Check yourself'},
      make('p', {class: 'kicker'}, 'Check yourself'));
    questions.forEach((question, number) => {
      const name = `${lesson}/${question.id}`;
      const kept = lab.store.get('answers', name);
      const given = kept && kept.about === question.about ? kept.choice : null;
      const solved = given !== null && question.choices[given]?.right;
      const options = question.choices.map((choice, i) => {
        const chosen = given === i, shown = chosen || solved;
        const input = make('input', {type: 'radio', name: `question-${name}`, value: i, checked: chosen});
        input.addEventListener('change', () => {
          lab.store.put('answers', name, {choice: i, about: question.about, right: choice.right, prompt: question.prompt});
          redraw();
        });
        const mark = shown ? (choice.right ? 'right' : chosen ? 'wrong' : 'told') : '';
        return make('label', {class: `option ${mark}`}, input,
          make('span', {}, make('span', {class: 'choice', dir: 'auto'}, text(choice.text, choice.values)),
            mark && make('span', {class: 'mark'}, choice.right ? ' ✓ right' : chosen ? ' ✗ not quite' : ''),
            shown && make('span', {class: 'why'}, text(choice.why, choice.values))));
      });
      card.append(make('fieldset', {class: 'question', 'data-key': `${name}-${question.about}`},
        make('legend', {}, make('span', {class: 'count'}, `${number + 1} of ${questions.length}`), ' ', make('span', {}, text(question.prompt, question.values))),
        question.hint && make('details', {class: 'hint', hidden: solved}, make('summary', {}, 'A hint'), make('p', {}, text(question.hint, question.values))),
        make('div', {class: 'options', role: 'radiogroup', 'aria-label': question.prompt}, options)));
    });
    if (again) {
      const button = make('button', {class: 'button', type: 'button', 'data-pick': JSON.stringify({again: true})}, again);
      card.append(button);
    }
    const solvedAll = questions.length > 0 && questions.every(question => {
      const kept = lab.store.get('answers', `${lesson}/${question.id}`);
      return kept && kept.about === question.about && kept.right;
    });
    if (solvedAll) queueMicrotask(() => lab.progress?.done(lesson, 'check'));
    return card;
  };
})();

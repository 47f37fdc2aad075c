// The vocabulary of pictures. A view is a list of blocks, each {type, …}; Python says what, and this draws it.
// Adding a kind of block: lab.blocks.NAME = (block, context) => element. Anything a block needs to tell Python goes through
// data-pick (a JSON object), which a click or Enter sends as the event `pick`.
(() => {
  const {make, text} = lab;
  lab.blocks = {};

  // The one entry point: called by every view when Gradio has mounted it.
  lab.view = ({element, props, trigger, watch}) => {
    const root = element.querySelector('.view');
    const context = {root, trigger, redraw: () => draw()};
    const draw = () => {
      const fresh = make('div');
      for (const block of props.value || []) {
        const draws = lab.blocks[block.type];
        if (draws) fresh.append(...[draws(block, context)].flat());
      }
      lab.morph(root, fresh);
      root.querySelectorAll('.details').forEach(forget);
      root.setAttribute('aria-busy', 'false');
      lab.drawPlots?.(root);
    };
    root.addEventListener('click', event => pick(event, trigger));
    root.addEventListener('keydown', event => walk(event));
    root.addEventListener('pointerover', event => tell(event.target));
    root.addEventListener('focusin', event => { settle(event.target); tell(event.target); });
    lab.store.listen(shelf => { if (shelf === '' || REMEMBERED.has(shelf)) draw(); });
    watch('value', draw);
    draw();
  };
  const REMEMBERED = new Set(['predictions', 'answers']);

  const pick = (event, trigger) => {
    const chosen = event.target.closest('[data-pick]');
    if (chosen) trigger('pick', JSON.parse(chosen.dataset.pick));
  };

  // Prose ---------------------------------------------------------------------------------------------------------------

  lab.blocks.say = ({text: words, values, tone, live}) =>
    make('p', {class: `say ${tone && tone !== 'quiet' ? 'note' : ''} ${tone || ''}`, 'aria-live': live ? 'polite' : null}, text(words, values));

  lab.blocks.heading = ({text: words}) => make('h3', {class: 'heading'}, words);

  lab.blocks.quote = ({text: words, caption}) =>
    make('figure', {class: 'quote'}, make('blockquote', {dir: 'auto'}, words), caption && make('figcaption', {}, caption));

  lab.blocks.did = ({lesson, step}) => {  // the learner has done this step of the lesson
    queueMicrotask(() => lab.progress?.done(lesson, step));
    return [];
  };

  // Numbers -------------------------------------------------------------------------------------------------------------

  lab.blocks.figures = ({figures}) => make('dl', {class: 'figures'}, figures.map(({value, label, tone}) =>
    make('div', {class: `figure ${tone || ''}`}, make('dt', {}, label), make('dd', {}, value))));

  lab.blocks.table = ({columns, rows, caption}) => make('div', {class: 'scroll', tabindex: 0, role: 'region', 'aria-label': caption},
    make('table', {class: 'table'}, make('caption', {}, caption),
      make('thead', {}, make('tr', {}, columns.map(name => name ? make('th', {scope: 'col'}, name) : make('td')))),
      make('tbody', {}, rows.map(row => make('tr', {}, row.map((cell, i) => {
        const {value, tone} = cell !== null && typeof cell === 'object' ? cell : {value: cell};
        const numeric = /^(< )?[−+-]?[\d.,  ]+\s?%?$/.test(value);
        return make(i ? 'td' : 'th', {class: `${numeric ? 'number' : ''} ${tone || ''}`, scope: i ? null : 'row', dir: 'auto'}, value ?? '–');
      }))))));

  // Horizontal bars: each row {label, values: [{share 0..1, text, series}], note, tone}
  lab.blocks.bars = ({caption, series, rows}) => make('figure', {class: 'bars'},
    caption && make('figcaption', {}, caption),
    series && make('p', {class: 'legend'}, series.map((name, i) => make('span', {}, make('i', {class: `swatch series-${i}`}), name))),
    make('ul', {}, rows.map(row => make('li', {class: row.tone || ''},
      make('bdi', {class: 'bar-label'}, row.label),
      make('span', {class: 'bar-tracks'}, row.values.map((value, i) => make('span', {class: 'bar-track'},
        make('span', {class: `bar series-${i}`, style: `inline-size:${Math.max(0, Math.min(1, value.share)) * 100}%`}),
        make('span', {class: 'bar-text'}, series && make('span', {class: 'unseen'}, `${series[i]}: `), value.text)))),
      row.note && make('span', {class: 'bar-note'}, row.note)))));

  // The ribbon: words joined of pieces, in one or more lanes -------------------------------------------------------------

  lab.blocks.ribbon = ({label, lanes, legend, hint, size}, _context) => {
    let first = true;
    const piece = (each, word) => {
      const live = Boolean(each.tip || each.pick);
      const attributes = {
        class: `piece ${each.kind || 'ordinary'} ${each.heat === undefined || each.heat === null ? '' : `heat heat-${each.heat}`} ${each.mark ? 'marked' : ''}`,
        'data-tip': each.tip && JSON.stringify(each.tip), 'data-pick': each.pick && JSON.stringify(each.pick),
        'aria-pressed': each.pick && each.pressed !== undefined ? String(Boolean(each.pressed)) : null,
        'aria-label': spoken(each, word), dir: 'auto',
      };
      if (live) Object.assign(attributes, {type: 'button', tabindex: first ? 0 : -1});
      if (live) first = false;
      else if (attributes['aria-label']) attributes.role = 'img';
      return make(live ? 'button' : 'span', attributes, each.text, each.under && make('small', {}, each.under));
    };
    const word = each => {
      if (each.cut) return make('span', {class: `cut ${each.cut}`, role: 'img', 'aria-label': each.label || 'cut'}, make('span', {class: 'cut-label'}, each.label || ''));
      return make('span', {class: `word ${each.leak ? 'leak' : ''} ${each.torn ? 'torn' : ''} ${each.doc ? `doc doc-${each.doc}` : ''}`},
        each.pieces.map(inner => piece(inner, each)));
    };
    return make('div', {class: `ribbons ${size || ''}`},
      lanes.map(lane => make('div', {class: lane.name ? 'lane' : ''},
        lane.name && make('div', {class: 'lane-name'}, make('b', {}, lane.name), lane.note && make('span', {}, lane.note)),
        make('div', {class: 'ribbon', role: 'group', 'aria-label': lane.name ? `${label}: ${lane.name}` : label}, lane.words.map(word)))),
      lanes.some(lane => lane.words.some(each => each.pieces?.some(inner => inner.tip))) &&
        make('p', {class: 'details', 'aria-live': 'polite', 'data-opaque': '', 'data-hint': hint || POINT}, hint || POINT),
      legend && lab.blocks.legend({entries: legend}));
  };

  const POINT = 'Point at a piece, or move along with the arrow keys.';
  const spoken = (each, word) => {
    const said = {masked: 'hidden', random: 'swapped at random', kept: 'kept, still predicted', special: 'special token'}[each.kind];
    const extra = [each.under && `was ${each.under}`, said, word.leak && each.kind && each.kind !== 'ordinary' && 'leaks', each.note].filter(Boolean);
    return extra.length ? `${each.text}, ${extra.join(', ')}` : null;
  };

  const SAMPLES = {masked: '[MASK]', random: 'word', kept: 'word', special: '[SEP]', leak: 'ab·c', continues: 'ab·##c', torn: '##c', ordinary: 'word'};
  lab.blocks.legend = ({entries}) => make('p', {class: 'legend'}, entries.map(([kind, meaning]) => make('span', {},
    make('i', {class: `sample ${/^(doc|heat)/.test(kind) ? kind.replace('-', ' ') + ' ' + kind : kind}`, 'aria-hidden': 'true'}, SAMPLES[kind] || 'abc'), meaning)));

  const tell = target => {
    const piece = target.closest?.('[data-tip]');
    const details = piece?.closest('.ribbons')?.querySelector('.details');
    if (!details) return;
    details.told = piece.dataset.tip;
    details.replaceChildren(...JSON.parse(piece.dataset.tip).flatMap(([name, value]) =>
      [make('span', {class: 'tip'}, make('b', {}, name), ' ', make('bdi', {}, value)), ' ']));
  };

  // What is told of a piece goes when the piece has gone.
  const forget = details => {
    if (!details.told || [...details.parentElement.querySelectorAll('[data-tip]')].some(piece => piece.dataset.tip === details.told)) return;
    details.told = null;
    details.textContent = details.dataset.hint;
  };

  // One stop of the Tab key a ribbon; arrows move inside it.
  const settle = target => {
    const piece = target.closest?.('button.piece');
    if (!piece) return;
    for (const other of piece.closest('.ribbons').querySelectorAll('button.piece[tabindex="0"]')) other.tabIndex = -1;
    piece.tabIndex = 0;
  };
  const walk = event => {
    const piece = event.target.closest?.('button.piece');
    if (!piece) return;
    const pieces = [...piece.closest('.ribbons').querySelectorAll('button.piece')], at = pieces.indexOf(piece);
    const to = {ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: pieces.length - 1}[event.key];
    if (to === undefined || !pieces[to]) return;
    event.preventDefault();
    pieces[to].focus();
  };

  // A prediction: committed before the outcome is shown, kept, and set beside it -------------------------------------------

  lab.blocks.prediction = ({id, prompt, kind, options, unit, min, max, outcome, verdict, why}, {trigger, redraw}) => {
    const kept = lab.store.get('predictions', id);
    lab.gate(id, kept !== undefined);
    const shown = value => `${value}${unit && !options ? `${unit === '%' ? ' ' : ' '}${unit}` : ''}`;
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
        make('div', {}, make('span', {}, 'You said'), make('b', {}, shown(kept.value))),
        make('div', {}, make('span', {}, 'It came to'), make('b', {}, came === null || came === undefined ? 'not yet known' : shown(came)))),
      known && came !== outcome && make('p', {class: 'say'}, 'With what is in use now it comes to ', make('b', {}, shown(outcome)), '.'),
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

  // Show me the code ------------------------------------------------------------------------------------------------------

  lab.blocks.code = ({title, tabs}) => {
    const drawer = make('details', {class: 'code'}, make('summary', {}, title || 'Show me the code'));
    const buttons = tabs.map(([name], i) => make('button', {type: 'button', role: 'tab', class: 'code-tab', 'data-own': '', 'aria-selected': String(i === 0), tabindex: i ? -1 : 0}, name));
    const panels = tabs.map(([name, source], i) => make('div', {role: 'tabpanel', class: 'code-panel', 'data-own': '', 'aria-label': name, hidden: i > 0},
      make('p', {class: 'code-tools'},
        make('button', {type: 'button', class: 'button small copy'}, 'Copy'),
        make('button', {type: 'button', class: 'button small', 'data-save': 'py'}, 'Save as script'),
        make('button', {type: 'button', class: 'button small', 'data-save': 'ipynb'}, 'Save as notebook')),
      make('pre', {tabindex: 0}, make('code', {}, source))));
    drawer.append(make('div', {role: 'tablist', class: 'code-tabs', 'aria-label': 'Which code'}, buttons), ...panels);
    return drawer;
  };
  document.addEventListener('click', event => {
    const tab = event.target.closest?.('.code-tab');
    if (tab) {
      const drawer = tab.closest('details'), tabs = [...drawer.querySelectorAll('.code-tab')];
      tabs.forEach(each => { each.setAttribute('aria-selected', String(each === tab)); each.tabIndex = each === tab ? 0 : -1; });
      drawer.querySelectorAll('.code-panel').forEach((panel, i) => { panel.hidden = i !== tabs.indexOf(tab); });
    }
    const save = event.target.closest?.('[data-save]');
    if (save) download(save.closest('.code-panel').querySelector('pre').textContent, save.dataset.save);
    const copy = event.target.closest?.('.copy');
    if (copy) navigator.clipboard?.writeText(copy.closest('.code-panel').querySelector('pre').textContent)
      .then(() => { copy.textContent = 'Copied'; setTimeout(() => { copy.textContent = 'Copy'; }, 1500); });
  });
  // The code as a file: a script, or a notebook of one cell.
  const download = (source, kind) => {
    const lines = source.split(/(?<=\n)/);
    const notebook = {nbformat: 4, nbformat_minor: 5, metadata: {kernelspec: {name: 'python3', display_name: 'Python 3', language: 'python'}},
      cells: [{id: 'code', cell_type: 'code', execution_count: null, metadata: {}, outputs: [], source: lines}]};
    const content = kind === 'py' ? source : JSON.stringify(notebook, null, 1);
    const link = make('a', {href: URL.createObjectURL(new Blob([content + '\n'], {type: 'text/plain'})), download: `${lab.here()}.${kind}`});
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  };
  document.addEventListener('keydown', event => {
    const tab = event.target.closest?.('.code-tab');
    if (!tab || !['ArrowLeft', 'ArrowRight'].includes(event.key)) return;
    const next = event.key === 'ArrowRight' ? tab.nextElementSibling : tab.previousElementSibling;
    if (next) { next.focus(); next.click(); }
  });
})();

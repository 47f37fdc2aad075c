// The game of blanks: one card a blank. What is picked and how surely stands in the browser; an answer goes to Python with
// all answers before it, and comes back with the author's word, the model's belief and what is to be said.
(() => {
  const {make} = lab;
  const rounds = {};  // about → what this browser knows of a round: see `begin`
  let live = null;    // the game as it was last drawn: what the listeners below act on

  const kept = about => lab.store.get('cloze', about)?.answers || [];
  const keep = (about, answers) => {
    lab.store.put('cloze', about, {answers, at: Date.now()});
    const old = Object.entries(lab.store.all('cloze')).sort(([, a], [, b]) => b.at - a.at).slice(12);
    for (const [name] of old) lab.store.put('cloze', name, undefined);
  };

  lab.blocks.cloze = (block, context) => {
    const {about, cards, total} = block;
    const answered = cards.filter(card => card.model).length;
    if (live && live.block.about !== about && (document.activeElement === document.body || document.activeElement.closest('.cloze-again'))) focusOn('.cloze-word');
    const round = rounds[about] ||= begin(about, answered, context);
    live = {block, context, round};
    if (round.restoring) {
      if (!answered) return make('p', {class: 'say note waiting'}, 'Bringing your answers back …');
      Object.assign(round, {restoring: false, at: Math.min(answered, total - 1)});
    } else if (answered > round.answered) focusOn('.cloze-next');
    round.answered = answered;
    round.at = Math.min(round.at, cards.length - 1);
    const card = cards[round.at];
    return make('section', {class: 'cloze', 'aria-label': `Blank ${round.at + 1} of ${total}`},
      steps(block, round),
      make('div', {class: 'cloze-card', 'data-key': `${about}-${round.at}-${card.model ? 'answered' : 'open'}`},
        sentence(card, round), words(block, card, round), card.model ? told(block, card, round, context) : form(block, round)),
      make('p', {class: 'cloze-tally', 'aria-live': 'polite'}, block.tally));
  };

  // A round as it is first drawn. What was answered before a reload is asked for again, and what comes of it shown first.
  const begin = (about, answered, context) => {
    const answers = kept(about);
    const round = {at: 0, picked: [], last: 0, stop: 0, confidence: 'fairly_sure', answered, restoring: answers.length > answered};
    if (round.restoring) {
      queueMicrotask(() => context.trigger('pick', {about, answers}));
      setTimeout(() => { if (round.restoring) { round.restoring = false; context.redraw(); } }, 4000);
    }
    return round;
  };

  const steps = ({cards, total}, round) => make('ol', {class: 'cloze-steps', 'aria-label': 'Blanks'},
    Array.from({length: total}, (_, i) => {
      const winner = cards[i]?.winner, said = {you: 'you gave more', model: 'the model gave more'}[winner];
      return make('li', {}, make('button', {type: 'button', class: `cloze-step ${winner || ''}`, 'data-step': i, disabled: i >= cards.length,
        'aria-current': i === round.at ? 'step' : null, 'aria-label': `Blank ${i + 1}${said ? `, ${said}` : ''}`},
        make('b', {}, String(i + 1)), make('small', {}, {you: 'you', model: 'model'}[winner] || ' ')));
    }));

  const sentence = (card, round) => {
    const widest = Math.max(...card.words.map(word => word.length));
    const shown = card.model ? card.words[card.author] : round.picked.length ? card.words[round.last] : '';
    return make('p', {class: 'cloze-sentence', dir: 'auto'}, card.before,
      make('span', {class: `cloze-blank ${card.model ? 'told' : shown ? 'tried' : ''}`, style: `min-inline-size:${widest * 0.58 + 0.5}em`},
        shown || make('span', {class: 'unseen'}, 'blank')), card.after);
  };

  // One row a word: before the answer a button with your share, after it both shares.
  const words = ({shares}, card, round) => {
    const open = !card.model, table = shares[round.confidence][round.picked.length];
    const legend = make('div', {class: 'legend cloze-legend'},
      make('p', {}, open ? 'Pick the word that the author wrote. Torn between several? Pick them all.' : 'What each of you gave to the words:'),
      make('p', {class: 'cloze-players', 'aria-hidden': 'true'}, make('span', {}, make('i', {class: 'swatch'}), 'you'), make('span', {}, make('i', {class: 'swatch series-1'}), 'the model')));
    return [legend, make('div', {class: 'cloze-words', role: open ? 'toolbar' : 'list', 'aria-orientation': open ? 'vertical' : null, 'aria-label': open ? 'Words to pick' : 'Words and beliefs'},
      card.words.map((word, i) => {
        const picked = open && round.picked.includes(i);
        const yours = open ? (round.picked.length ? table[picked ? 0 : 1] : null) : card.yours[i];
        const models = open ? null : card.model[i], author = !open && i === card.author;
        return make(open ? 'button' : 'div', {class: `cloze-word ${author ? 'author' : ''}`, type: open ? 'button' : null, role: open ? null : 'listitem',
          'aria-pressed': open ? String(picked) : null, 'data-word': open ? i : null, tabindex: open ? (i === round.stop ? 0 : -1) : null},
          make('span', {class: 'cloze-name'}, make('kbd', {'aria-hidden': 'true'}, author ? '✓' : String(i + 1)), make('bdi', {}, word), author && make('span', {class: 'unseen'}, ', the author’s word')),
          make('span', {class: 'cloze-bars'}, bar(yours, 'series-0', 'you '), bar(models, 'series-1', 'the model ')));
      }))];
  };
  const bar = (share, series, who) => make('span', {class: 'cloze-bar'},
    make('span', {class: 'cloze-track'}, make('span', {class: `bar ${series}`, style: `inline-size:${share ? share[0] * 100 : 0}%`, hidden: !share})),
    make('span', {class: 'bar-text'}, share && make('span', {class: 'unseen'}, who), share ? share[1] : ' '));

  const form = ({levels}, round) => make('div', {class: 'cloze-form'},
    make('fieldset', {class: 'cloze-levels'}, make('legend', {}, 'How sure are you?'),
      levels.map(([value, label]) => make('label', {class: round.confidence === value ? 'chosen' : ''},
        make('input', {type: 'radio', name: 'cloze-confidence', value, checked: round.confidence === value}), make('span', {}, label)))),
    make('button', {type: 'button', class: 'button primary cloze-answer', disabled: !round.picked.length}, 'That is my answer'));

  const told = ({total}, card, round, context) => make('div', {class: 'cloze-told'},
    card.said.flatMap(each => lab.blocks[each.type](each, context)),
    round.at + 1 < total
      ? make('button', {type: 'button', class: 'button primary cloze-next', 'data-step': round.at + 1}, 'Next blank')
      : make('button', {type: 'button', class: 'button primary cloze-next cloze-end'}, 'See how you both did'));

  const focusOn = selector => queueMicrotask(() => live.context.root.querySelector(selector)?.focus({preventScroll: true}));
  const within = event => live && live.context.root.isConnected && event.target.closest?.('.cloze') && live.context.root.contains(event.target);

  const toggle = i => {
    const {round, context} = live;
    round.picked = round.picked.includes(i) ? round.picked.filter(each => each !== i) : [...round.picked, i];
    round.last = round.picked.at(-1);
    context.redraw();
  };
  const go = (i, focus) => {
    const {round, context} = live;
    Object.assign(round, {at: i, picked: [], stop: 0, confidence: 'fairly_sure'});
    context.redraw();
    if (focus) focusOn('.cloze-word, .cloze-next');
  };

  document.addEventListener('click', event => {
    if (!within(event)) return;
    const {block, context, round} = live;
    const target = event.target.closest('button');
    if (!target) return;
    if (target.dataset.word) toggle(Number(target.dataset.word));
    else if (target.dataset.step) go(Number(target.dataset.step), target.classList.contains('cloze-next'));
    else if (target.classList.contains('cloze-end')) {
      const end = document.getElementById('be-the-model-outcome');
      end?.scrollIntoView({block: 'start', behavior: matchMedia('(prefers-reduced-motion: reduce)').matches ? 'auto' : 'smooth'});
    } else if (target.classList.contains('cloze-answer')) {
      const answers = [...kept(block.about).slice(0, round.at), {picked: round.picked, confidence: round.confidence}];
      keep(block.about, answers);
      context.trigger('pick', {about: block.about, answers});
    }
  });
  document.addEventListener('change', event => {
    if (!within(event) || event.target.name !== 'cloze-confidence') return;
    live.round.confidence = event.target.value;
    live.context.redraw();
  });
  document.addEventListener('keydown', event => {
    if (!within(event) || event.ctrlKey || event.metaKey || event.altKey || !/^[1-9]$/.test(event.key)) return;
    const card = live.block.cards[live.round.at];
    if (!card.model && card.words[event.key - 1]) toggle(event.key - 1);
  });
  // The words are one stop of the Tab key; arrows walk in them.
  document.addEventListener('keydown', event => {
    const word = within(event) && event.target.closest('button.cloze-word');
    if (!word) return;
    const all = [...word.parentElement.querySelectorAll('button.cloze-word')], at = all.indexOf(word);
    const to = all[{ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: all.length - 1}[event.key]];
    if (!to) return;
    event.preventDefault();
    to.focus();
  });
  document.addEventListener('focusin', event => {
    const word = within(event) && event.target.closest('button.cloze-word');
    if (!word) return;
    live.round.stop = Number(word.dataset.word);
    for (const other of word.parentElement.querySelectorAll('button.cloze-word')) other.tabIndex = other === word ? 0 : -1;
  });
})();

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
      root.querySelectorAll('.details').forEach(lab.ribbon.forget);
      root.setAttribute('aria-busy', 'false');
      lab.drawPlots?.(root);
    };
    root.addEventListener('click', event => pick(event, trigger));
    root.addEventListener('keydown', lab.ribbon.walk);
    root.addEventListener('pointerover', event => lab.ribbon.tell(event.target));
    root.addEventListener('focusin', event => { lab.ribbon.settle(event.target); lab.ribbon.tell(event.target); });
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

  const NUMBER = /^(< )?[−+-]?[\d., ]+\s?%?$/;
  const shown = cell => cell !== null && typeof cell === 'object' ? cell : {value: cell};

  // A column of numbers, with gaps or without, is set to the right, its name too.
  lab.blocks.table = ({columns, rows, caption}) => {
    const numeric = columns.map((_, i) => rows.some(row => NUMBER.test(shown(row[i]).value))
      && rows.every(row => NUMBER.test(shown(row[i]).value ?? 0) || shown(row[i]).value === ''));
    return make('div', {class: 'scroll', tabindex: 0, role: 'region', 'aria-label': caption},
      make('table', {class: 'table'}, make('caption', {}, caption),
        make('thead', {}, make('tr', {}, columns.map((name, i) => name ? make('th', {scope: 'col', class: numeric[i] && 'number'}, name) : make('td')))),
        make('tbody', {}, rows.map(row => make('tr', {}, row.map((cell, i) => {
          const {value, tone} = shown(cell);
          const number = NUMBER.test(value) ? 'number' : '';
          return make(i ? 'td' : 'th', {class: `${number} ${tone || ''}`, scope: i ? null : 'row', dir: 'auto'}, value ?? '–');
        }))))));
  };

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
})();

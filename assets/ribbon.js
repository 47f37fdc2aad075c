// The ribbon: words joined of pieces, in one or more lanes. What is told of a piece stands in a line below them.
(() => {
  const {make} = lab;

  lab.blocks.ribbon = ({label, lanes, legend, hint, size}) => {
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

  lab.ribbon = {tell, forget, settle, walk};
})();

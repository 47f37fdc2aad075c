// The lane of one's own masks. Every word is a button that hides or shows it at once; the model's answers follow from Python.
(() => {
  const {make} = lab;
  // What is hidden of a passage lives here until Python has answered it, so that quick clicks lose nothing.
  const asked = new Map();

  lab.blocks.own_masks = ({key, label, words, hidden}, {root, trigger, redraw}) => {
    if (asked.get(key) === undefined || String(asked.get(key)) === String(hidden)) asked.delete(key);
    const now = asked.get(key) ?? hidden;
    root.hide = chosen => {
      const before = asked.get(key) ?? hidden;
      const after = chosen === null ? [] : before.includes(chosen) ? before.filter(word => word !== chosen) : [...before, chosen];
      asked.set(key, after);
      redraw();
      trigger('pick', {key, hidden: after});
    };
    let first = true;
    const drawn = words.map(({word, special, pieces, mark}) => {
      if (special !== undefined) return make('span', {class: 'word'}, make('span', {class: 'piece special', dir: 'auto'}, special));
      const off = now.includes(word);
      const said = `${pieces.join(' ')}${mark ? ', comes twice' : ''}`;
      return make('span', {class: `word own ${off && word === now.at(-1) ? 'asked' : ''}`, 'data-hide': word}, pieces.map((piece, i) => {
        const attributes = {class: `piece ${off ? 'masked' : 'ordinary'} ${mark ? 'marked' : ''}`, dir: 'auto'};
        if (!i) {
          Object.assign(attributes, {type: 'button', tabindex: first ? 0 : -1, 'aria-pressed': String(off), 'aria-label': `hide ${said}`});
          first = false;
        }
        return make(i ? 'span' : 'button', attributes, off ? '[MASK]' : piece, off && make('small', {}, piece));
      }));
    });
    return make('div', {class: 'ribbons'},
      make('div', {class: 'ribbon', role: 'group', 'aria-label': label}, drawn),
      make('p', {}, make('button', {type: 'button', class: 'button small', 'data-hide': 'none', disabled: !now.length}, 'Show all words again')));
  };

  document.addEventListener('click', event => {
    const chosen = event.target.closest?.('[data-hide]');
    if (chosen) chosen.closest('.view')?.hide?.(chosen.dataset.hide === 'none' ? null : Number(chosen.dataset.hide));
  });
})();

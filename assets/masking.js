// The lane of one's own masks. Every word is a button that hides or shows it at once; the model's answers follow from Python.
(() => {
  const {make} = lab;
  // What is hidden of a passage lives here until Python has answered it. One question is asked at a time, always about all
  // that is hidden: so quick clicks lose nothing, and no late answer comes last.
  const asked = new Map();  // passage → {now: hidden words in the order of hiding, sent: those under way, at}
  const PATIENCE = 5000;  // ms after which an answer is given up

  lab.blocks.own_masks = ({key, label, words, hidden}, {root, trigger, redraw}) => {
    const send = () => {
      const mine = asked.get(key);
      mine.sent = String(mine.now);
      mine.at = Date.now();
      trigger('pick', {key, hidden: mine.now});
    };
    const mine = asked.get(key);
    if (mine && mine.sent === String(hidden)) {  // this is the answer
      mine.sent = null;
      if (String(mine.now) === String(hidden)) asked.delete(key);
      else setTimeout(send);  // not within the drawing: Gradio would send the last event's data again
    }
    const now = asked.get(key)?.now ?? hidden;
    root.hide = chosen => {
      const before = asked.get(key) ?? {now: hidden, sent: null};
      const after = chosen === null ? [] : before.now.includes(chosen) ? before.now.filter(word => word !== chosen) : [...before.now, chosen];
      asked.set(key, {...before, now: after});
      redraw();
      if (before.sent === null || Date.now() - before.at > PATIENCE) send();
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

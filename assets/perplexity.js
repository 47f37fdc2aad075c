// Perplexity: one of several things to look at, chosen by radio buttons. What is chosen goes to Python as {NAME: value}.
(() => {
  const {make, text} = lab;

  lab.blocks.choose = ({name, label, chosen, options}) => make('fieldset', {class: 'question', 'data-key': `choose-${name}`},
    make('legend', {}, label),
    make('div', {class: 'options', role: 'radiogroup', 'aria-label': label}, options.map(({value, label: title, note}) =>
      make('label', {class: `option ${value === chosen ? 'chosen' : ''}`, 'data-key': value},
        make('input', {type: 'radio', name: `choose-${name}`, value, checked: value === chosen, 'data-pick': JSON.stringify({[name]: value})}),
        make('span', {}, make('bdi', {class: 'choice'}, title), note && make('span', {class: 'why'}, text(note)))))));

  // A run goes on while other lessons are shown: look anew whenever this one is.
  new MutationObserver(() => {
    if (document.body.dataset.lesson === 'perplexity' && Object.keys(lab.store.all('runs')).length) lab.reopen('perplexity');
  }).observe(document.documentElement, {attributes: true, subtree: true, attributeFilter: ['data-lesson']});
})();

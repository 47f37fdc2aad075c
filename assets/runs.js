// What stands round the live run: the forecast, the learner's own runs, and the pages of what a step read.
(() => {
  const {make} = lab;
  const LESSON = 'fine-tuning';

  // Until the forecast is drawn, Run keeps out of sight if it is to.
  for (const id of ['perplexity', 'probe']) lab.gate(`${LESSON}-${id}`, lab.store.get('predictions', `${LESSON}-${id}`) !== undefined);
  lab.gate(`${LESSON}-unspent`, lab.store.get('forecasts', 'current') === undefined);

  // A run has just been asked for: keep its token, bind the forecast to it, and show it. Once, however often this is drawn.
  const begun = new Set();
  lab.blocks.started = ({run, token, name}) => {
    if (begun.has(run)) return [];
    begun.add(run);
    queueMicrotask(() => {
      const guess = id => lab.store.get('predictions', `${LESSON}-${id}`)?.value;
      lab.store.put('forecasts', run, {perplexity: guess('perplexity'), probe: guess('probe')});
      lab.using.addRun(run, token, name);
      lab.store.put('forecasts', 'current', run);
      lab.liveRun?.show(run);
      document.getElementById('live-run')?.scrollIntoView({behavior: 'smooth', block: 'start'});
    });
    return [];
  };

  // The forecast: two predictions for one run. Once that has begun, the next run wants a new one.
  lab.blocks.forecast = ({run, perplexity, probe}, context) => {
    const spent = lab.store.get('forecasts', 'current');
    lab.gate(`${LESSON}-unspent`, spent === undefined);
    if (!probe) lab.gate(`${LESSON}-probe`, true);
    const again = spent !== undefined && make('p', {class: 'say', 'data-key': 'again'},
      make('button', {type: 'button', class: 'button', 'data-forecast': 'again'}, 'Forecast another run'));
    if (spent !== undefined && spent !== run) {
      return [make('p', {class: 'say note', 'data-key': 'elsewhere'}, `Your last forecast was for run ${spent.split('-').at(-1)}. `), again];
    }
    const drawn = [perplexity, probe].filter(Boolean).map(each => lab.blocks.prediction({...each, outcome: spent === run ? each.outcome : null}, context));
    return [...drawn, again].filter(Boolean);
  };
  document.addEventListener('click', event => {
    if (!event.target.closest?.('[data-forecast]')) return;
    lab.store.put('forecasts', 'current', undefined);
    for (const name of ['perplexity', 'probe']) lab.store.put('predictions', `${LESSON}-${name}`, undefined);
  });

  // This browser's own runs, to come back to.
  lab.blocks.own_runs = ({rows}) => make('ul', {class: 'own-runs'}, rows.map(({run, label, note, shown, gone, ended}) =>
    make('li', {'data-key': run, class: shown ? 'chosen' : ''},
      make('span', {}, make('b', {}, label || run), ' ', make('span', {class: 'own-note'}, gone || note)),
      make('span', {class: 'own-buttons'},
        !gone && (shown ? make('span', {class: 'own-note'}, 'shown above') : make('button', {type: 'button', class: 'button small', 'data-own-run': run, 'data-what': 'show', 'aria-label': `Show ${label}`}, 'Show')),
        (gone || ended) && make('button', {type: 'button', class: 'button small', 'data-own-run': run, 'data-what': gone ? 'forget' : 'delete', 'aria-label': `Delete ${label || run}`}, gone ? 'Forget' : 'Delete')))));
  document.addEventListener('click', event => {
    const button = event.target.closest?.('[data-own-run]');
    if (!button) return;
    const {ownRun: run, what} = button.dataset;
    if (what === 'show') { lab.liveRun?.show(run); document.getElementById('live-run')?.scrollIntoView({behavior: 'smooth', block: 'start'}); }
    if (what === 'delete') lab.liveRun?.act('delete', run);
    if (what === 'forget') { lab.store.put('runs', run, undefined); lab.using.refresh(); button.closest('li').remove(); }
  });

  // Leafing through what a step read.
  lab.blocks.leaf = ({run, step, page, pages, label}) => make('p', {class: 'leaf', 'data-key': 'leaf'},
    make('button', {type: 'button', class: 'button small', 'data-leaf': page - 1, 'data-step': step, disabled: page <= 0}, '← Back'),
    make('span', {}, label),
    make('button', {type: 'button', class: 'button small', 'data-leaf': page + 1, 'data-step': step, disabled: page >= pages - 1}, 'On →'));
  document.addEventListener('click', event => {
    const button = event.target.closest?.('[data-leaf]');
    if (button) lab.liveRun?.choose(Number(button.dataset.step), Number(button.dataset.leaf));
  });
})();

// Plotly, loaded when the first picture needs it, and drawn in the page's own colours.
(() => {
  const {make} = lab;
  let loading = null;

  // A promise of Plotly itself.
  lab.plotly = () => loading ||= new Promise((resolve, reject) => {
    const script = make('script', {src: lab.settings.plotly});
    script.onload = () => resolve(window.Plotly);
    script.onerror = () => { loading = null; reject(new Error('plotly.js did not load')); };
    document.head.append(script);
  });

  // 'var(--accent)' anywhere in a figure becomes the colour that the stylesheet has for it now.
  lab.coloured = value => {
    if (typeof value === 'string') return value.replace(/var\((--[\w-]+)\)/g, (_, name) => lab.colour(name));
    if (Array.isArray(value)) return value.map(lab.coloured);
    if (value && typeof value === 'object') return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, lab.coloured(v)]));
    return value;
  };

  lab.CONFIG = {displaylogo: false, responsive: true, modeBarButtonsToRemove: ['lasso2d', 'select2d', 'sendChartToCloud'], displayModeBar: 'hover'};

  lab.blocks.chart = ({key, figure, caption, height}) => make('figure', {class: 'chart'},
    make('div', {class: 'plot', 'data-opaque': '', role: 'group', 'aria-label': caption, style: `min-height:${height || 320}px`,
      'data-figure': JSON.stringify({...figure, layout: {...figure.layout, height: height || 320, uirevision: key || 'same'}})}),
    make('figcaption', {}, caption));

  // A picture that was drawn out of sight, behind a prediction or in a fold, has no width till it is shown.
  const sized = new ResizeObserver(entries => entries.forEach(({target, contentRect: {width}}) => {
    if (!width || width === target.wide) return;
    target.wide = width;
    const drawn = target.firstElementChild;
    if (drawn?.data) lab.plotly().then(Plotly => Plotly.Plots.resize(drawn));
  }));

  lab.drawPlots = root => root.querySelectorAll('.plot[data-figure]').forEach(plot => {
    if (plot.drawn === plot.dataset.figure + document.body.classList.contains('dark')) return;
    sized.observe(plot);
    lab.plotly().then(Plotly => {
      plot.drawn = plot.dataset.figure + document.body.classList.contains('dark');
      const {data, layout} = lab.coloured(JSON.parse(plot.dataset.figure));
      // In a child of its own: Plotly marks its element with classes, which a redrawing of the view would take off again.
      return Plotly.react(plot.firstElementChild || plot.appendChild(make('div')), data, layout, lab.CONFIG);
    }).catch(() => { plot.textContent = 'The picture could not be drawn. Reload the page to try again.'; });
  });

  // Light or dark has changed: draw all again in the new colours.
  new MutationObserver(() => lab.drawPlots(document)).observe(document.body || document.documentElement, {attributes: true, attributeFilter: ['class']});
})();

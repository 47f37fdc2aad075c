// The curve of a run: training loss, held-out loss and baselines, with the perplexity on the right-hand axis.
(() => {
  const DRAWN = 1200;  // points of a curve that a screen is given

  // In nats → as perplexity: 24.3, 1,204
  const perplexity = nats => {
    const value = Math.exp(Math.min(nats, 30));
    return value < 1000 ? value.toFixed(value < 100 ? 2 : 1) : Math.round(value).toLocaleString('en');
  };

  // What a screen reader is told of the picture.
  const inWords = log => {
    const from = log.losses[0], to = log.losses.at(-1), first = log.scores[0], last = log.scores.at(-1);
    const loss = from ? `Training loss from ${from[1].toFixed(2)} at step ${from[0]} to ${to[1].toFixed(2)} at step ${to[0]}.` : 'No training loss yet.';
    return `The run as a curve. ${loss}${first ? ` Held-out perplexity ${perplexity(first[1])} at step ${first[0]}${last === first ? '' : `, ${perplexity(last[1])} at step ${last[0]}`}.` : ''}`;
  };

  // What stands in sight of a long curve, in so few points that drawing stays quick; peaks, valleys and both ends stay.
  const thinned = (points, [low, high] = [-Infinity, Infinity]) => {
    const from = points.findIndex(each => each[0] >= low), behind = points.findIndex(each => each[0] > high);
    const seen = from < 0 ? points : points.slice(Math.max(0, from - 1), behind < 0 ? points.length : behind + 1);
    if (seen.length <= DRAWN) return seen;
    const inner = seen.slice(1, -1), kept = [seen[0]], stretches = DRAWN / 2 - 1;
    for (let i = 0; i < stretches; i++) {
      const stretch = inner.slice(Math.floor(inner.length * i / stretches), Math.floor(inner.length * (i + 1) / stretches));
      const lowest = stretch.reduce((a, b) => b[1] < a[1] ? b : a), highest = stretch.reduce((a, b) => b[1] > a[1] ? b : a);
      kept.push(...(lowest === highest ? [lowest] : lowest[0] < highest[0] ? [lowest, highest] : [highest, lowest]));
    }
    kept.push(seen.at(-1));
    return kept;
  };

  // The mean of the last steps at each step.
  const smooth = (points, width) => {
    let sum = 0;
    return points.map(([step, loss], i) => {
      sum += loss - (i >= width ? points[i - width][1] : 0);
      return [step, sum / Math.min(i + 1, width)];
    });
  };

  const line = (points, name, style, more = {}) => ({type: 'scatter', x: points.map(each => each[0]), y: points.map(each => each[1]), name, mode: 'lines', line: style, ...more});

  // The picture, for Plotly. `seen`: what the reader sees now, [from, to] on both axes, or null; `chosen`: a step that is looked into.
  const figure = (log, {seen, chosen, small}) => {
    const {total, uniform, unigram} = log.started, {losses, scores} = log;
    const many = losses.length > 60, width = Math.max(10, Math.round(losses.length / 30));
    const guess = lab.store.get('forecasts', log.run)?.perplexity;
    // On each of the two axes stands a baseline from the start: an axis without anything on it can't be drawn.
    const level = (value, name, dash, {colour = 'var(--ink-3)', yaxis = 'y2'} = {}) => line([[0, value], [total, value]], name, {color: colour, width: 1.5, dash}, {hoverinfo: 'name', yaxis});
    const data = [];
    const each = {hovertemplate: 'step %{x}: %{y:.3f} nats<extra>training loss</extra>'};
    if (many) {
      data.push(line(thinned(losses, seen?.slice(0, 2)), 'training loss', {color: 'var(--accent)', width: 1}, {...each, opacity: .35}));
      data.push(line(thinned(smooth(losses, width), seen?.slice(0, 2)), `its mean over ${width} steps`, {color: 'var(--accent)', width: 2}, {hovertemplate: 'step %{x}: %{y:.3f} nats<extra>mean</extra>'}));
    } else {
      data.push(line(losses, 'training loss', {color: 'var(--accent)', width: 1.5}, {...each, mode: 'lines+markers', marker: {size: losses.length < 20 ? 7 : 5, color: 'var(--accent)'}}));
    }
    data.push(line(scores, 'held-out loss', {color: 'var(--doc-2)', width: 2.5}, {
      mode: 'lines+markers', marker: {symbol: 'diamond', size: 10, color: 'var(--doc-2)'}, yaxis: 'y2',
      customdata: scores.map(each => perplexity(each[1])), hovertemplate: 'step %{x}: %{y:.3f} nats, perplexity %{customdata}<extra>held-out text</extra>',
    }));
    if (scores.length) data.push(level(scores[0][1], `step 0: ${perplexity(scores[0][1])}`, 'dash'));
    if (guess > 0) data.push(level(Math.log(guess), `your forecast: ${guess}`, 'dashdot', {colour: 'var(--doc-4)'}));
    data.push(level(unigram, `guessing by frequency: ${perplexity(unigram)}`, 'dot'), level(uniform, `blind guessing: ${perplexity(uniform)}`, 'longdash', {yaxis: 'y'}));
    const values = [...losses.map(each => each[1]), ...scores.map(each => each[1])];
    let low = Infinity, high = -Infinity;
    for (const value of values) { low = Math.min(low, value); high = Math.max(high, value); }
    if (guess > 0 && Math.abs(Math.log(guess) - (scores[0]?.[1] ?? low)) < 1.5) { low = Math.min(low, Math.log(guess)); high = Math.max(high, Math.log(guess)); }
    if (!values.length) { low = 0; high = uniform; }
    const room = Math.max(.05, (high - low) * .08, .3 - (high - low) / 2), range = [low - room, high + room];
    const axis = {gridcolor: 'var(--line)', zerolinecolor: 'var(--line-2)', linecolor: 'var(--line-2)', automargin: true};
    return {data, layout: {
      height: small ? 420 : 380, uirevision: log.run, hovermode: 'closest', dragmode: 'zoom',
      paper_bgcolor: 'rgba(0,0,0,0)', plot_bgcolor: 'rgba(0,0,0,0)',
      font: {color: 'var(--ink-2)', size: 13, family: 'system-ui, sans-serif'}, margin: {l: 8, r: 8, t: 8, b: 8},
      legend: {orientation: 'h', y: 1.02, yanchor: 'bottom', x: 0, font: {size: small ? 11 : 12.5}},
      hoverlabel: {bgcolor: 'var(--card)', bordercolor: 'var(--line-2)', font: {color: 'var(--ink)'}},
      xaxis: {...axis, title: {text: 'optimizer step'}, range: [-total * .015, total * 1.015]},
      yaxis: {...axis, title: {text: small ? '' : 'loss, nats a piece'}, range},
      yaxis2: {...axis, title: {text: small ? '' : 'perplexity'}, range, overlaying: 'y', side: 'right', matches: 'y', showgrid: false, tickmode: 'array', ...marks(seen?.slice(2) || range)},
      shapes: chosen ? [{type: 'line', x0: chosen, x1: chosen, yref: 'paper', y0: 0, y1: 1, line: {color: 'var(--accent)', width: 2, dash: 'dot'}}] : [],
    }};
  };
  // Round perplexities for the right-hand axis, wherever the left one looks.
  const marks = ([low, high]) => {
    const from = Math.exp(Math.max(low, 0)), to = Math.exp(Math.min(high, 14)), found = [];
    const steps = to / from > 60 ? [1] : to / from > 8 ? [1, 2, 5] : to / from > 2.5 ? [1, 1.5, 2, 3, 4, 5, 7] : null;
    if (steps) {
      for (let power = 1; power < 1e7; power *= 10) for (const each of steps) if (each * power >= from && each * power <= to) found.push(each * power);
    } else {
      const rough = (to - from) / 5, power = 10 ** Math.floor(Math.log10(rough)), step = [1, 2, 5, 10].find(each => each * power >= rough) * power;
      for (let value = Math.ceil(from / step) * step; value <= to; value += step) found.push(Number(value.toPrecision(6)));
    }
    return {tickvals: found.map(Math.log), ticktext: found.map(value => value.toLocaleString('en'))};
  };

  lab.runCurve = {figure, inWords, marks, perplexity};
})();

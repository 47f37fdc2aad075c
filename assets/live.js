// The live run: follows a run as it trains. See `lessons/components/live_run.py` for what the server answers.
(() => {
  const {make, text} = lab;
  const SOON = 1000, LATER = 4000, SELDOM = 10000;  // ms between two questions: while it goes on, after a failure, when it has ended
  const ENDED = ['finished', 'stopped', 'failed', 'interrupted'];
  const PATIENCE = 20000;  // ms
  const DRAWN = 1200;  // points of a curve that a screen is given
  const LESSON = 'fine-tuning';

  // Gradio gives nothing where the server didn't answer; and an answer may never come.
  const answered = async promise => {
    const answer = await Promise.race([promise, new Promise(resolve => setTimeout(resolve, PATIENCE))]);
    if (!answer) throw new Error('no answer');
    return answer;
  };

  // What is known of a run, and how news of it is taken in. It touches no page, so it can be driven by itself.
  // `line` is the cursor: how many lines of the run's log are in here. News that doesn't begin there is left aside.
  lab.runLog = run => {
    const log = {run, line: 0, lines: 0, about: null, standing: null, gone: null, leftAside: 0};
    const clear = () => Object.assign(log, {started: null, losses: [], scores: [], probes: [], pace: null});
    clear();
    const upTo = step => {  // a resumed run does again what lies behind its checkpoint
      for (const kept of ['losses', 'scores', 'probes']) log[kept] = log[kept].filter(each => each[0] <= step);
    };
    const taken = {
      started: ([step, facts]) => { if (step > 0) upTo(step); log.started = facts; },
      step: ([step, loss, ...pace]) => { log.losses.push([step, loss]); log.pace = pace; },
      score: each => log.scores.push(each),
      probe: each => log.probes.push(each),
      end: () => {},
    };
    log.take = answer => {
      if (!answer || answer.run !== run) return false;
      if (answer.gone) { log.gone = answer.gone; return true; }
      if (answer.from !== log.line) { log.leftAside += 1; return false; }
      log.gone = null;
      if (answer.snapshot) clear();
      for (const [kind, ...rest] of answer.events) taken[kind]?.(rest);
      log.line = answer.next;
      log.lines = answer.lines;
      log.standing = answer.standing;
      if (answer.about) log.about = answer.about;
      return true;
    };
    return log;
  };

  // The place for the probe sentences; it may be mounted before the run's own.
  let waiting = null;
  lab.livePlace = element => { if (lab.liveRun) lab.liveRun.takePlace(element); else waiting = element; };

  lab.live = ({element, trigger, server}) => {
    const root = element.querySelector('.live');
    const plot = make('div', {class: 'plot', 'data-opaque': '', role: 'group', style: 'min-height:360px'});
    let log = null, asking = false, timer = null, failures = 0, told = '', said = null, chosen = null, look = null, playing = null, drawn = '';

    const token = run => lab.store.get('runs', run)?.token || '';
    const inSight = () => !document.hidden && root.checkVisibility();

    // Playing a recording -----------------------------------------------------------------------------------------------

    // Of all that its log says, what lies before a moment that moves on.
    const SHOWN_FOR = 40000, TICK = 250;  // ms that it takes, and between two pictures
    let film = null;
    const recorded = () => log?.standing?.state === 'recording';
    const cut = step => {
      log.at = step;
      for (const kept of ['losses', 'scores', 'probes']) log[kept] = log.whole[kept].filter(each => each[0] <= step);
    };
    const stopFilm = () => { clearInterval(film); film = null; };
    const playFilm = from => {
      stopFilm();
      cut(from);
      film = setInterval(() => {
        if (!recorded()) { stopFilm(); return; }
        if (!inSight()) return;
        cut(Math.min(log.started.total, log.at + log.started.total * TICK / SHOWN_FOR));
        if (log.at >= log.started.total) stopFilm();
        draw();
      }, TICK);
    };
    const begin = () => {  // once all of it is here
      if (!recorded() || log.whole || log.line < log.lines) return;
      log.whole = {losses: log.losses, scores: log.scores, probes: log.probes};
      if (!matchMedia('(prefers-reduced-motion: reduce)').matches) playFilm(0);
    };

    // Asking ------------------------------------------------------------------------------------------------------------

    const ask = async () => {
      clearTimeout(timer);
      let wait = SOON;
      if (log && !asking && inSight()) {
        const asked = log;
        asking = true;
        try {
          const answer = await answered(server.poll_run([asked.run, asked.line]));
          failures = 0;
          if (log === asked) { log.take(answer); begin(); turn(); draw(); }
          if (log?.gone) wait = SELDOM;
          else if (log && log.line < log.lines) wait = 0;
          else if (recorded()) return void (asking = false);
          else if (ENDED.includes(log?.standing?.state)) wait = SELDOM;
        } catch {
          failures += 1;
          wait = failures > 1 ? LATER : SOON;  // one lost answer is nothing to speak of
          draw();
        }
        asking = false;
      }
      timer = setTimeout(ask, wait);
    };
    document.addEventListener('visibilitychange', () => { if (!document.hidden) ask(); });

    // Tell Python when another run is shown, and when it begins or ends: what depends on that is drawn anew.
    const turn = () => {
      const state = log?.standing?.state;
      const phase = !log || log.gone ? 'none' : !state ? '' : [...ENDED, 'recording'].includes(state) && log.line === log.lines ? 'ended' : log.started ? 'begun' : 'waiting';
      const now = `${log?.run || ''} ${phase}`;
      if (!phase || now === told) return;
      told = now;
      trigger('turned', {run: phase === 'none' ? '' : log.run});
      if (phase === 'ended' && token(log.run) && ['finished', 'stopped'].includes(state) && log.losses.length) lab.progress?.done(LESSON, 'run');
    };

    const show = run => {
      if ((log?.run || '') === (run || '')) return;
      log = run ? lab.runLog(run) : null;
      said = chosen = look = null;
      stopPlaying();
      stopFilm();
      if (!log) turn();
      draw();
      ask();
    };

    // Acting -------------------------------------------------------------------------------------------------------------

    const act = async (what, run = log?.run) => {
      try {
        said = await answered(server.change_run([what, run, token(run)]));
      } catch {
        said = {ok: false, said: 'The lab does not answer. Try again in a moment.'};
      }
      if (said.ok && what === 'twin') {
        const note = said;
        lab.using.addRun(note.run, note.token, 'twin');
        show(note.run);
        said = note;
      }
      if (said.ok && what === 'delete') {
        lab.store.put('runs', run, undefined);
        lab.store.put('forecasts', run, undefined);
        if (lab.using.value.model === run) lab.using.use({model: 'bundled'});
        lab.using.refresh();
        if (log?.run === run) { const note = said; show(null); said = note; }
        else { told = ''; turn(); }
      }
      draw();
      ask();
    };

    const choose = (step, page = 0) => {
      if (recorded()) return;
      chosen = step;
      draw();
      trigger('point', {run: log.run, step, page, token: token(log.run)});
    };

    const click = event => {
      const what = event.target.closest('[data-act]')?.dataset.act;
      if (!what) return;
      if (what === 'use') { lab.using.use({model: log.run}); draw(); }
      else if (what === 'play') play();
      else if (what === 'film') { if (film) { stopFilm(); cut(log.started.total); } else playFilm(0); draw(); }
      else if (what === 'look') { const step = Number(root.querySelector('.live-step').value); if (step >= 1) choose(Math.round(step)); }
      else act(what);
    };
    const scrub = event => {
      if (!event.target.matches('.live-scrub')) return;
      const at = Number(event.target.value);
      look = at >= log.probes.length - 1 ? null : at;  // at the end it follows what comes
      stopPlaying();
      draw();
    };
    root.addEventListener('click', click);
    const stopPlaying = () => { clearInterval(playing); playing = null; };
    const play = () => {
      if (playing) { stopPlaying(); draw(); return; }
      look = 0;
      playing = setInterval(() => {
        if (!log || look === null || look >= log.probes.length - 1) { look = null; stopPlaying(); } else look += 1;
        draw();
      }, 600);
      draw();
    };

    // Drawing ------------------------------------------------------------------------------------------------------------

    const draw = () => {
      const fresh = make('div', {}, ...parts());
      lab.morph(root, fresh);
      const place = root.querySelector('.live-plot');
      if (place && plot.parentElement !== place) place.replaceChildren(plot);
      root.setAttribute('aria-busy', 'false');
      drawSentences();
      const number = root.querySelector('.live-step');
      if (number && number !== document.activeElement && chosen) number.value = chosen;
      if (place && root.checkVisibility()) drawCurve();
    };

    const parts = () => {
      if (!log) return [note(said), make('p', {class: 'say quiet'}, 'Your run appears here, and goes on whether you look or not.')];
      if (log.gone) return [note(said), make('p', {class: 'say note bad'}, log.gone)];
      if (!log.standing) return [make('p', {class: 'say note waiting'}, failures > 1 ? 'The lab does not answer; asking again …' : 'Fetching the run …')];
      return [head(), buttons(), note(said), figures(), curve()];
    };

    const note = about => make('p', {class: `say ${about ? `note ${about.ok ? 'good' : 'bad'}` : 'unseen'}`, 'aria-live': 'polite', 'data-key': 'said'}, about?.said || '');

    const head = () => {
      const {state, words} = log.standing;
      const total = log.started?.total, step = lastStep();
      const before = state === 'running' && !log.losses.length;
      const mine = token(log.run) || recorded() ? '' : ' You are watching: only whoever started it can stop or change it.';
      return make('div', {class: 'live-head', 'data-key': 'head'},
        make('p', {class: 'live-name'}, ...log.about.words.map((word, i) => make(i ? 'span' : 'b', {}, word))),
        make('p', {class: `live-state ${state}`, 'aria-live': 'polite'}, failures > 1 ? 'The lab does not answer; asking again …' : (before ? 'Scoring held-out text before the first step.' : words) + mine),
        make('progress', {class: 'live-progress', max: total || 1, value: total ? step : 0, 'aria-label': 'Steps done'}));
    };

    const lastStep = () => log.losses.at(-1)?.[0] || 0;

    const button = (what, words, kind = '') => make('button', {type: 'button', class: `button ${kind}`, 'data-act': what}, words);
    const buttons = () => {
      const {state, resumable, model} = log.standing, mine = Boolean(token(log.run)), ended = ENDED.includes(state);
      const used = lab.using.value.model === log.run;
      const row = [
        recorded() && log.whole && button('film', film ? 'To the end' : 'Play it again', 'primary'),
        mine && ['waiting', 'starting', 'running'].includes(state) && button('stop', state === 'waiting' ? 'Leave the queue' : 'Stop', 'danger'),
        mine && resumable && button('resume', 'Resume', 'primary'),
        model && (used ? make('span', {class: 'say quiet'}, 'The lessons use this model now.') : button('use', 'Use this model in all lessons', 'primary')),
        mine && state !== 'waiting' && button('twin', `Train its twin, with ${log.about.twin}`),
        mine && ended && button('delete', 'Delete'),
      ].filter(Boolean);
      return make('div', {class: 'live-buttons', 'data-key': 'buttons'}, row);
    };

    const figures = () => {
      const score = log.scores.at(-1), first = log.scores[0], loss = log.losses.at(-1), guess = lab.store.get('forecasts', log.run);
      const shown = [];
      const add = (value, label, tone) => shown.push({value, label, tone});
      if (log.started) add(`${lastStep().toLocaleString('en')} of ${log.started.total.toLocaleString('en')}`, 'steps done');
      if (loss) add(loss[1].toFixed(3), 'training loss of the latest step, nats');
      if (score) add(perplexity(score[1]), `held-out perplexity at step ${score[0].toLocaleString('en')}`, first !== score ? (score[1] < first[1] ? 'good' : 'bad') : null);
      if (first && first !== score) add(perplexity(first[1]), 'held-out perplexity at step 0');
      if (guess?.perplexity !== undefined) add(String(guess.perplexity), 'your forecast');
      if (log.pace && log.standing.state === 'running') {
        add(log.pace[0].toLocaleString('en'), 'tokens a second');
        add(clock(log.pace[1]), 'left');
      } else if (log.pace && (recorded() || ENDED.includes(log.standing.state))) add(clock(log.pace[2]), 'it took');
      return make('div', {'data-key': 'figures'}, shown.length > 0 && lab.blocks.figures({figures: shown}),
        log.started && make('p', {class: 'say quiet'}, log.started.said));
    };

    const curve = () => {
      if (!log.started) return make('div', {'data-key': 'no-curve'});
      return make('figure', {class: 'chart', 'data-key': 'curve'},
        make('div', {class: 'live-plot', 'data-opaque': ''}),
        make('figcaption', {}, 'Low is good. Right of the picture, the same as perplexity: e to the power of the loss. Baselines outside it come in sight with a double click. ', !recorded() && [make('b', {}, 'Click on a point'), ' to see what the model read at that step.']),
        !recorded() && make('p', {class: 'live-look'},
          make('label', {}, 'Step ', make('input', {class: 'number-input live-step', type: 'number', min: 1, max: log.started.total, value: 1})),
          button('look', 'Look into this step', 'small')));
    };

    // The probe sentences stand in a place of their own, below what a step read.
    let sentences = null;
    const drawSentences = () => {
      if (!sentences) return;
      lab.morph(sentences, make('div', {}, log?.probes.length ? probes() : null));
      const scrub = sentences.querySelector('.live-scrub');
      if (scrub) { scrub.max = Math.max(log.probes.length - 1, 1); scrub.value = look ?? log.probes.length - 1; }
    };
    const probes = () => {
      const last = log.probes.length - 1, at = Math.min(look ?? last, last);
      const [step, answers] = log.probes[at], first = log.probes[0][1];
      return make('div', {class: 'live-probes', 'data-key': 'probes'},
        make('h3', {class: 'heading'}, recorded() ? 'Its probe sentences, as it learns' : 'Your probe sentences, as it learns'),
        make('div', {class: 'live-time'},
          button('play', playing ? 'Pause' : 'Play', 'small'),
          make('input', {type: 'range', class: 'live-scrub', min: 0, step: 1, 'aria-label': 'Moment of the run', 'aria-valuetext': `step ${step}`}),
          make('b', {}, `step ${step.toLocaleString('en')}`)),
        make('div', {class: 'live-sentences'}, answers.map((words, i) => {
          const changed = words[0][0] !== first[i]?.[0][0];
          return make('div', {class: `live-sentence ${changed ? 'changed' : ''}`},
            lab.blocks.bars({caption: log.about.probes[i] || '', rows: words.map(([word, share], j) => ({label: word, values: [{share, text: `${(100 * share).toFixed(share < .1 ? 1 : 0)} %`}], tone: j ? '' : 'strong'}))}),
            make('p', {class: 'live-was'}, changed ? ['At step 0 it said ', make('bdi', {}, first[i][0][0]), '.'] : '\u00a0'));
        })));
    };

    // The curve ------------------------------------------------------------------------------------------------------------

    const drawCurve = () => {
      const state = JSON.stringify([log.run, log.line, log.at, log.started, chosen, inView(), lab.store.get('forecasts', log.run), document.body.classList.contains('dark')]);
      if (state === drawn) return;
      drawn = state;
      plot.setAttribute('aria-label', inWords());
      lab.plotly().then(Plotly => {
        if (!log?.started) return null;
        const {data, layout} = lab.coloured(figure());
        return Plotly.react(plot, data, layout, lab.CONFIG).then(() => {
          listen();
          const fitting = marks(plot._fullLayout.yaxis.range);
          if (String(fitting.tickvals) !== String(layout.yaxis2.tickvals)) Plotly.relayout(plot, {'yaxis2.tickvals': fitting.tickvals, 'yaxis2.ticktext': fitting.ticktext});
        });
      }).catch(() => { plot.textContent = 'The picture could not be drawn. Reload the page to try again.'; });
    };
    const inWords = () => {
      const from = log.losses[0], to = log.losses.at(-1), first = log.scores[0], last = log.scores.at(-1);
      const loss = from ? `Training loss from ${from[1].toFixed(2)} at step ${from[0]} to ${to[1].toFixed(2)} at step ${to[0]}.` : 'No training loss yet.';
      return `The run as a curve. ${loss}${first ? ` Held-out perplexity ${perplexity(first[1])} at step ${first[0]}${last === first ? '' : `, ${perplexity(last[1])} at step ${last[0]}`}.` : ''}`;
    };
    const listen = () => {
      if (plot.listens) return;
      plot.listens = true;
      plot.on('plotly_click', ({points}) => {
        const step = Math.round(points[0].x);
        if (step >= 1) choose(step);
      });
      plot.on('plotly_relayout', () => drawCurve());
    };
    new MutationObserver(() => { if (log?.started) drawCurve(); }).observe(document.body, {attributes: true, attributeFilter: ['class']});

    // What the reader sees now: [from, to] on both axes, or null before the first picture of this run.
    const inView = () => plot._fullLayout?.uirevision === log.run ? [...plot._fullLayout.xaxis.range, ...plot._fullLayout.yaxis.range] : null;

    // What stands in sight of a long curve, in so few points that drawing stays quick; peaks, valleys and both ends stay.
    const thinned = points => {
      const [low, high] = inView() || [-Infinity, Infinity];
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

    const figure = () => {
      const {total, uniform, unigram} = log.started, {losses, scores} = log;
      const many = losses.length > 60, width = Math.max(10, Math.round(losses.length / 30));
      const guess = lab.store.get('forecasts', log.run)?.perplexity;
      // On each of the two axes stands a baseline from the start: an axis without anything on it can't be drawn.
      const level = (value, name, dash, {colour = 'var(--ink-3)', yaxis = 'y2'} = {}) => line([[0, value], [total, value]], name, {color: colour, width: 1.5, dash}, {hoverinfo: 'name', yaxis});
      const data = [];
      const each = {hovertemplate: 'step %{x}: %{y:.3f} nats<extra>training loss</extra>'};
      if (many) {
        data.push(line(thinned(losses), 'training loss', {color: 'var(--accent)', width: 1}, {...each, opacity: .35}));
        data.push(line(thinned(smooth(losses, width)), `its mean over ${width} steps`, {color: 'var(--accent)', width: 2}, {hovertemplate: 'step %{x}: %{y:.3f} nats<extra>mean</extra>'}));
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
      const small = plot.clientWidth < 520;
      return {data, layout: {
        height: small ? 420 : 380, uirevision: log.run, hovermode: 'closest', dragmode: 'zoom',
        paper_bgcolor: 'rgba(0,0,0,0)', plot_bgcolor: 'rgba(0,0,0,0)',
        font: {color: 'var(--ink-2)', size: 13, family: 'system-ui, sans-serif'}, margin: {l: 8, r: 8, t: 8, b: 8},
        legend: {orientation: 'h', y: 1.02, yanchor: 'bottom', x: 0, font: {size: small ? 11 : 12.5}},
        hoverlabel: {bgcolor: 'var(--card)', bordercolor: 'var(--line-2)', font: {color: 'var(--ink)'}},
        xaxis: {...axis, title: {text: 'optimizer step'}, range: [-total * .015, total * 1.015]},
        yaxis: {...axis, title: {text: small ? '' : 'loss, nats a piece'}, range},
        yaxis2: {...axis, title: {text: small ? '' : 'perplexity'}, range, overlaying: 'y', side: 'right', matches: 'y', showgrid: false, tickmode: 'array', ...marks(inView()?.slice(2) || range)},
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

    const takePlace = element => {
      sentences = element.querySelector('.live-place');
      sentences.addEventListener('click', click);
      sentences.addEventListener('input', scrub);
      drawSentences();
    };
    lab.liveRun = {show, act, choose, takePlace, get log() { return log; }};
    if (waiting) takePlace(waiting);
    lab.store.listen(shelf => { if (shelf === '' || shelf === 'runs' || shelf === 'using') draw(); });
    const asked = () => new URLSearchParams(location.search).get('run');
    addEventListener('popstate', () => { if (lab.here() === LESSON && asked()) show(asked()); });
    // The controls mount in the same breath; wait till they have, so that what is told to Python arrives.
    lab.usingReady.then(() => setTimeout(() => {
      const own = Object.entries(lab.store.all('runs')).sort((a, b) => b[1].at - a[1].at)[0]?.[0];
      show((lab.here() === LESSON && asked()) || own || null);
      if (!log) { turn(); draw(); }
      ask();
    }, 0));
  };

  // Until the forecast is drawn, Run keeps out of sight if it is to.
  for (const id of ['perplexity', 'probe']) lab.gate(`${LESSON}-${id}`, lab.store.get('predictions', `${LESSON}-${id}`) !== undefined);
  lab.gate(`${LESSON}-unspent`, lab.store.get('forecasts', 'current') === undefined);

  // In nats → as perplexity: 24.3, 1,204
  const perplexity = nats => {
    const value = Math.exp(Math.min(nats, 30));
    return value < 1000 ? value.toFixed(value < 100 ? 2 : 1) : Math.round(value).toLocaleString('en');
  };
  const clock = seconds => seconds < 60 ? `${Math.round(seconds)} s` : seconds < 3600 ? `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s` : `${Math.floor(seconds / 3600)} h ${Math.round(seconds % 3600 / 60)} min`;

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

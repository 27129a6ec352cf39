/**
 * @module demo/page
 * The page of the demo: a plain grid of images that works without scripts, and a script that reads
 * what Millrace wrote in X-Cache on each of them.
 */
import type { GalleryPicture } from './gallery.ts';

/** A thing to try from a terminal, listed on the page. */
export interface Trial {
  readonly path: string;
  readonly cacheControl: string;
  readonly what: string;
}

/** The page as HTML. The texts are our own; nothing a client sent goes in. */
export function galleryPage(pictures: readonly GalleryPicture[], trials: readonly Trial[]): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Millrace · ${pictures.length} pictures through the cache</title>
<link rel="icon" href="${ICON}">
<style>${STYLE}</style>
<script>performance.setResourceTimingBufferSize(${pictures.length * 2});</script>
</head>
<body>
<header>
  <div class="words">
    <h1>${LOGO}Millrace</h1>
    <p>${pictures.length} pictures from a slow origin, with a caching proxy in between. The first time each one comes from the
    origin. <strong>Reload</strong>, and they all come from the cache.</p>
  </div>
  <section class="panel" aria-live="polite">
    <div class="count"><output id="hits">–</output><span>of ${pictures.length} from the cache</span></div>
    <div class="bar" id="bar" role="img" aria-label="Share of each outcome"></div>
    <ul class="legend" id="legend"></ul>
    <p id="note">Loading …</p>
  </section>
  <section class="panel loads">
    <h2>Your loads <button type="button" id="again">Load again</button></h2>
    <ol id="loads"></ol>
  </section>
</header>
<main aria-label="Pictures">
${pictures.map(image).join('\n')}
</main>
<footer>
  <h2>At the terminal</h2>
  <p>Look for <code>X-Cache</code> and <code>Cache-Status</code> in each answer, and run each line twice.</p>
  <dl>
${trials.map((trial) => `    <dt><code>curl -i <span data-base>http://localhost:8080</span>${trial.path}</code></dt>
    <dd>${trial.what} <code>Cache-Control: ${trial.cacheControl}</code></dd>`).join('\n')}
  </dl>
  <noscript><p>Counting needs JavaScript; the log at the terminal shows the same.</p></noscript>
</footer>
<script>${SCRIPT}</script>
</body>
</html>
`;
}

function image(picture: GalleryPicture): string {
  return `<img src="${picture.path}" width="${picture.side}" height="${picture.side}" alt="${picture.title}">`;
}

/** The blue of the pond, and the orange of what had to be fetched; both far enough from each other for any eye. */
const STYLE = `
:root {
  --ground: #f4f7f9; --card: #fff; --ink: #10222e; --soft: #566b79; --line: #d9e3e9;
  --HIT: #0f9f8f; --REVALIDATED: #3b82d6; --STALE: #8a6fd1; --MISS: #ee8a2c; --BYPASS: #98a6b0;
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif;
}
@media (prefers-color-scheme: dark) {
  :root { --ground: #0b1319; --card: #121d25; --ink: #e6eff4; --soft: #8fa3b0; --line: #22313b;
    --HIT: #2cc5b2; --REVALIDATED: #62a4f0; --STALE: #ac95ee; --MISS: #f59a42; --BYPASS: #6d7d88; }
}
* { box-sizing: border-box; margin: 0; }
body { background: var(--ground); color: var(--ink); max-width: 1360px; margin: 0 auto; padding: 28px 24px 48px; }
h1 { font-size: 30px; line-height: 1.1; letter-spacing: -.02em; display: flex; align-items: center; gap: .4em; }
h1 svg { width: 1.15em; height: 1.15em; color: var(--HIT); }
h2 { font-size: 14px; font-weight: 600; }
header { display: grid; grid-template-columns: 1fr minmax(300px, 360px) minmax(280px, 340px); gap: 16px; align-items: stretch; margin-bottom: 20px; }
.words { align-self: center; padding-right: 16px; }
.words p { margin-top: 10px; color: var(--soft); max-width: 52ch; }
.words strong { color: var(--ink); }
.panel { background: var(--card); border: 1px solid var(--line); border-radius: 14px; padding: 16px 18px; min-height: 154px; }
.count { display: flex; align-items: baseline; gap: 10px; color: var(--soft); }
.count output { font-size: 38px; line-height: 1; font-weight: 650; letter-spacing: -.03em; color: var(--ink); font-variant-numeric: tabular-nums; }
.bar { display: flex; gap: 2px; height: 8px; margin: 12px 0 10px; border-radius: 4px; overflow: hidden; background: var(--line); }
.bar i { background: var(--tint); transition: flex-grow .3s; }
.legend { list-style: none; padding: 0; display: flex; flex-wrap: wrap; gap: 2px 16px; font-size: 13px; }
.legend li::before { content: ""; display: inline-block; width: 9px; height: 9px; margin-right: 6px; border-radius: 3px; background: var(--tint); }
#note { font-size: 13px; color: var(--soft); margin-top: 4px; }
.loads h2 { display: flex; justify-content: space-between; align-items: center; }
button { font: inherit; font-size: 13px; font-weight: 600; color: var(--card); background: var(--HIT); border: 0; border-radius: 8px; padding: 5px 14px; cursor: pointer; }
button:hover { filter: brightness(1.08); }
button:focus-visible { outline: 2px solid var(--ink); outline-offset: 2px; }
.loads ol { list-style: none; padding: 0; margin-top: 10px; font-size: 13px; font-variant-numeric: tabular-nums; }
.loads li { display: grid; grid-template-columns: 6.2em 1fr 4.6em; gap: 8px; align-items: center; color: var(--soft); }
.loads li:first-child { color: var(--ink); font-weight: 600; }
.loads i { height: 8px; border-radius: 4px; min-width: 3px; background: linear-gradient(90deg, var(--HIT) var(--share), var(--MISS) var(--share)); }
.loads b { font-weight: inherit; text-align: right; }
main { display: grid; grid-template-columns: repeat(auto-fill, minmax(72px, 1fr)); gap: 9px; }
main img { display: block; width: 100%; height: auto; aspect-ratio: 1; object-fit: cover; border-radius: 8px; font-size: 9px; color: var(--soft);
  background: var(--line); outline: 2.5px solid var(--tint, transparent); }
footer { margin-top: 32px; color: var(--soft); }
footer h2 { color: var(--ink); font-size: 18px; }
footer dl { margin-top: 12px; display: grid; grid-template-columns: max-content 1fr; gap: 8px 24px; }
footer dd { padding: 2px 0; } footer dd code { display: block; }
footer dt code { color: var(--ink); background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: 3px 10px; display: inline-block; }
code { font: 13px/1.5 ui-monospace, "SF Mono", Menlo, Consolas, monospace; }
[data-result=HIT] { --tint: var(--HIT); } [data-result=MISS] { --tint: var(--MISS); } [data-result=STALE] { --tint: var(--STALE); }
[data-result=REVALIDATED] { --tint: var(--REVALIDATED); } [data-result=BYPASS], [data-result=unknown] { --tint: var(--BYPASS); }
@media (max-width: 1040px) { header { grid-template-columns: 1fr 1fr; } .words { grid-column: 1 / -1; } }
@media (max-width: 680px) { body { padding: 20px 14px; } header, footer dl { grid-template-columns: minmax(0, 1fr); } main { grid-template-columns: repeat(auto-fill, minmax(52px, 1fr)); gap: 7px; } .panel { min-height: 0; }
  footer dt { overflow-x: auto; } footer dd { margin-bottom: 10px; } }
`;

/**
 * The images are loaded by the browser itself; then each answer's head is read out of the browser's
 * own cache (only-if-cached asks no server), because an image element does not show the head.
 */
const SCRIPT = `
const meanings = { HIT: 'from the cache', REVALIDATED: 'from the cache, the origin confirmed it', STALE: 'from the cache, refreshed behind', MISS: 'from the origin', BYPASS: 'passed by the cache', unknown: 'not readable' };
const images = [...document.querySelectorAll('main img')];
const counts = {};
const $ = (id) => document.getElementById(id);

async function resultOf(image) {
  try {
    const response = await fetch(image.src, { cache: 'only-if-cached', mode: 'same-origin' });
    return response.headers.get('x-cache') ?? 'unknown';
  } catch {
    return 'unknown';
  }
}

async function note(image) {
  const found = await resultOf(image);
  const result = found in meanings ? found : 'unknown';
  counts[result] = (counts[result] ?? 0) + 1;
  image.dataset.result = result;
  image.title = image.alt + ': ' + result + ', ' + meanings[result];
  show();
}

let due = false;
function show() {
  if (due) return;
  due = true;
  requestAnimationFrame(() => { due = false; draw(); });
}

function draw() {
  $('hits').textContent = fromCache();
  const results = Object.keys(meanings).filter((result) => counts[result]);
  $('bar').replaceChildren(...results.map((result) => part('i', result, '')));
  $('legend').replaceChildren(...results.map((result) => part('li', result, counts[result] + ' ' + result)));
}

function part(element, result, text) {
  const made = document.createElement(element);
  made.dataset.result = result;
  made.style.flexGrow = element === 'i' ? counts[result] : '';
  made.title = meanings[result];
  made.textContent = text;
  return made;
}

function fromCache() {
  return (counts.HIT ?? 0) + (counts.STALE ?? 0) + (counts.REVALIDATED ?? 0);
}

function finish() {
  const timings = performance.getEntriesByType('resource').filter((entry) => entry.name.includes('/images/'));
  const seconds = (Math.max(...timings.map((entry) => entry.responseEnd)) - Math.min(...timings.map((entry) => entry.startTime))) / 1000;
  const loads = JSON.parse(sessionStorage.getItem('loads') ?? '[]');
  loads.push({ number: (loads.at(-1)?.number ?? 0) + 1, seconds, hits: fromCache() });
  sessionStorage.setItem('loads', JSON.stringify(loads.slice(-4)));
  drawLoads(loads.slice(-4).reverse());
  $('note').textContent = advice(seconds);
  document.documentElement.dataset.done = String(images.length);
}

function advice(seconds) {
  if (counts.unknown === images.length) {
    return 'The heads cannot be read: is this page opened past Millrace, or the browser cache switched off (“Disable cache” in its tools)?';
  }
  const loaded = 'All loaded in ' + seconds.toFixed(2) + ' s. ';
  if (counts.MISS) return loaded + 'Now load the page again.';
  if (counts.REVALIDATED) return loaded + 'Some were checked with the origin: their minute was over, or the browser asked for it.';
  return loaded + 'They stay fresh for a minute.';
}

function drawLoads(loads) {
  const longest = Math.max(...loads.map((load) => load.seconds));
  $('loads').replaceChildren(...loads.map((load) => {
    const row = document.createElement('li');
    const bar = document.createElement('i');
    bar.style.width = (100 * load.seconds) / longest + '%';
    bar.style.setProperty('--share', (100 * load.hits) / images.length + '%');
    const time = document.createElement('b');
    time.textContent = load.seconds.toFixed(2) + ' s';
    row.append(load.number + ': ' + load.hits + ' hits', bar, time);
    return row;
  }));
}

for (const base of document.querySelectorAll('[data-base]')) base.textContent = location.origin;
// Not reload(): some browsers then have every picture checked with the origin (Cache-Control: max-age=0).
$('again').addEventListener('click', () => location.assign(location.pathname));
Promise.all(images.map(async (image) => {
  if (!image.complete) await new Promise((settled) => { image.onload = image.onerror = settled; });
  await note(image);
})).then(finish);
`;

/** A mill wheel in the race. */
const LOGO =
  '<svg viewBox="0 0 32 32" fill="none" stroke="currentColor" stroke-width="2.4" stroke-linecap="round" aria-hidden="true">' +
  '<circle cx="16" cy="13" r="9"/><path d="M16 1v24M4 13h24M7.5 4.5l17 17M24.5 4.5l-17 17M2 29c3.5-3 6-3 9.5 0s6 3 9.5 0 6-3 9 0"/></svg>';

const ICON = `data:image/svg+xml,${encodeURIComponent(LOGO.replace('<svg', '<svg xmlns="http://www.w3.org/2000/svg"').replace('currentColor', '#0f9f8f'))}`;

// What the nameserver tells every second, shown.

import { byId, bytes, draw, fill, make, ms, number, percent, put, rate, span, textColumn } from './table.js';

const SILENT_MS = 5000; // the nameserver tells something every second
const RETRY_MS = [500, 1000, 2000, 5000];
const NAMES_A_PAGE = 25;
const NAMES_REQUESTS = 50; // for one page: the nameserver looks at so many names at a time
const NAMES_EVERY_MS = 5000; // and less often, where a page takes several of them
const INTRODUCTIONS_KEPT = 256;
const INTRODUCTIONS_SHOWN = 10;

// ---- what is told every second

let status = null;
let statusAt = 0; // by the browser's monotonic clock

function showFigures() {
    const figures = [
        ['Names', number.format(status.names)],
        ['Connections', number.format(status.connections)],
        ['Waiting', number.format(status.waiters)],
        ['Sessions', number.format(status.sessions)],
        ['Members', number.format(status.members)],
        ['Relayed', bytes(status.relay_bytes)],
        ['Memory', bytes(status.memory_bytes)],
        ['Loop, p50', ms(status.loop_ms.p50)],
        ['Loop, p99', ms(status.loop_ms.p99)],
    ];
    const list = byId('figures');
    if (list.children.length !== figures.length) {
        list.replaceChildren();
        for (const [name] of figures) {
            const pair = make(list, 'div');
            make(pair, 'dt', '', name);
            make(pair, 'dd');
        }
    }
    figures.forEach(([, value], i) => put(list.children[i].lastChild, value));
    put(byId('about'), `${status.version}, up ${span(status.uptime_s)}`);
}

const RATES = [['binds', 'Binds'], ['introductions', 'Introductions'], ['refused', 'Refused']];
const SECONDS = 120;

function makeRates() {
    for (const [, title] of RATES) {
        const figure = make(byId('rates'), 'figure');
        const caption = make(figure, 'figcaption');
        make(caption, 'span', '', title);
        make(caption, 'span');
        const svg = draw(figure, 'svg', { viewBox: `0 0 ${SECONDS - 1} 40`, preserveAspectRatio: 'none' });
        svg.setAttribute('role', 'img');
        draw(svg, 'path', { class: 'area' });
        draw(svg, 'path', { class: 'line' });
        const ages = make(figure, 'div', 'ages');
        ages.setAttribute('aria-hidden', 'true');
        make(ages, 'span', '', '2 min ago');
        make(ages, 'span', '', 'now');
    }
}

function showRates() {
    RATES.forEach(([key, title], i) => {
        const figure = byId('rates').children[i];
        const values = (status.rates[key] ?? []).slice(-SECONDS);
        const most = Math.max(0, ...values);
        const told = `${rate.format(values.at(-1) ?? 0)}/s, at most ${rate.format(most)}/s`;
        put(figure.querySelector('figcaption').lastChild, told);
        const svg = figure.querySelector('svg');
        svg.setAttribute('aria-label', `${title} in the last two minutes: now ${told}`);
        const begin = SECONDS - values.length;
        const points = values.map((v, x) => `${begin + x} ${most ? (39 - (37 * v) / most).toFixed(1) : 39}`);
        const line = points.length ? `M${points.join('L')}` : '';
        svg.children[0].setAttribute('d', line && `${line}V40H${begin}Z`);
        svg.children[1].setAttribute('d', line);
    });
}

const countColumns = [
    textColumn('', '', (c) => c.kind),
    textColumn('number', '', (c) => number.format(c.count)),
    { className: 'number share', show: showShare },
];

function showShare(cell, c) {
    if (!cell.firstChild) {
        const svg = draw(cell, 'svg', { viewBox: '0 0 100 10', preserveAspectRatio: 'none' });
        svg.setAttribute('aria-hidden', 'true');
        draw(svg, 'rect', { height: 10 });
        make(cell, 'span');
    }
    cell.querySelector('rect').setAttribute('width', (100 * c.share).toFixed(1));
    put(cell.lastChild, percent.format(c.share));
}

function showCounts(body, counts, none) {
    const all = Object.entries(counts ?? {}).filter(([, count]) => count > 0);
    const sum = all.reduce((s, [, count]) => s + count, 0);
    const items = all.map(([kind, count]) => ({ kind, count, share: count / sum }));
    items.sort((a, b) => b.count - a.count);
    fill(body, countColumns, items, (c) => c.kind, none);
}

function showStatus() {
    showFigures();
    showRates();
    showCounts(byId('outcomes'), status.outcomes, 'Nothing has been told yet.');
    showCounts(byId('nats'), status.nats, 'None has been told yet.');
}

// ---- introductions

const introductions = new Map(); // by their numbers, the oldest first
let introductionsDue = false;
let allIntroductions = false;

const outcomeOf = (i, by) => i.outcomes.find((o) => o.by === by);
const told = (i) => ['h1', 'h2'].map((by) => outcomeOf(i, by)).filter(Boolean);
const who = (o) => (o.by === 'h1' ? 'holder' : 'who asked');

// each TEXT_OF: one text if both sides tell the same, else whose it is
function each(i, textOf) {
    const all = told(i).map((o) => [o, textOf(o)]).filter(([, text]) => text);
    if (new Set(all.map(([, text]) => text)).size < 2)
        return all.length ? all[0][1] : '';
    return all.map(([o, text]) => `${who(o)}: ${text}`).join(', ');
}

function took(i) {
    const times = told(i).map((o) => number.format(o.ms));
    return times.length ? `${times.join(' / ')} ms` : '';
}

const introductionColumns = [
    textColumn('text', '', (i) => i.name),
    textColumn('moment', '', (i) => `${span(i.age_s + (performance.now() - i.heardAt) / 1000)} ago`),
    textColumn('text', 'Holder', (i) => i.h1 ?? ''),
    textColumn('text', 'Who asked', (i) => i.h2 ?? ''),
    {
        label: 'Way',
        show: (cell, i) => {
            put(cell, each(i, (o) => o.outcome) || 'not told yet');
            const failed = told(i).some((o) => o.outcome === 'failed');
            cell.className = failed ? 'failed' : told(i).length ? '' : 'waited';
        },
    },
    textColumn('number', 'Took', took),
    textColumn('', 'Reason', (i) => each(i, (o) => o.reason)),
];

function hearIntroduction(i) {
    i.heardAt = performance.now();
    introductions.set(i.id, i); // one that is there keeps its place
    for (const id of introductions.keys()) {
        if (introductions.size <= INTRODUCTIONS_KEPT)
            break;
        introductions.delete(id);
    }
    introductionsDue = true;
}

function showIntroductions() {
    introductionsDue = false;
    const all = [...introductions.values()].reverse();
    const shown = allIntroductions ? all : all.slice(0, INTRODUCTIONS_SHOWN);
    fill(byId('introductions'), introductionColumns, shown, (i) => String(i.id), 'None in the last minutes.');
    const button = byId('more-introductions');
    button.hidden = all.length <= INTRODUCTIONS_SHOWN;
    button.setAttribute('aria-expanded', String(allIntroductions));
    put(button, allIntroductions ? `Only the last ${INTRODUCTIONS_SHOWN}` : `All ${all.length}`);
}

// ---- names

let cursors = ['']; // of the pages up to the one that is shown
let nextCursor = null;
let namesAsked = null; // the AbortController of the request that is under way
let namesDue = -Infinity; // when they are asked for again

const nameColumns = [
    textColumn('text', '', (n) => n.name),
    textColumn('text', 'Holder', (n) => n.peer ?? ''),
    textColumn('', 'Over', (n) => n.transport ?? ''),
    textColumn('number', 'For', (n) => span(n.since_s)),
    textColumn('number', 'Introductions', (n) => number.format(n.introductions ?? 0)),
    textColumn('text', 'Key', (n) => n.key ?? ''),
    { className: 'act', show: showKick },
];

function showKick(cell, n) {
    if (cell.firstChild)
        return;
    const button = make(cell, 'button', '', 'Kick');
    button.type = 'button';
    button.setAttribute('aria-label', `Kick ${n.name}`);
    button.addEventListener('click', () => askKick(n.name));
}

async function getJson(path, signal) {
    const response = await fetch(path, { signal, cache: 'no-store' });
    if (!response.ok)
        throw new Error(`${response.status} ${response.statusText}`);
    return response.json();
}

// One page of those names that match.
async function readNames(signal) {
    const match = byId('filter').value;
    const names = [];
    let after = cursors.at(-1);
    let requests = 0;
    do {
        const query = new URLSearchParams({ limit: NAMES_A_PAGE - names.length });
        if (after)
            query.set('after', after);
        if (match)
            query.set('match', match);
        const page = await getJson(`api/names?${query}`, signal);
        names.push(...page.names);
        after = page.next ?? null;
        requests++;
    } while (after !== null && names.length < NAMES_A_PAGE && requests < NAMES_REQUESTS);
    return { names, next: after, requests };
}

async function refreshNames() {
    namesAsked?.abort();
    const asked = new AbortController();
    namesAsked = asked;
    namesDue = performance.now() + NAMES_EVERY_MS;
    try {
        const page = await readNames(asked.signal);
        if (namesAsked !== asked)
            return;
        if (page.names.length === 0 && cursors.length > 1) { // those that stood here are gone
            cursors.pop();
            namesDue = -Infinity;
            return;
        }
        namesDue = performance.now() + NAMES_EVERY_MS * page.requests;
        nextCursor = page.next;
        fill(byId('names'), nameColumns, page.names, (n) => n.name,
             byId('filter').value ? 'No name has that.' : 'Nobody holds a name.');
        byId('names-before').disabled = cursors.length < 2;
        byId('names-after').disabled = nextCursor === null;
        put(byId('names-told'), cursors.length > 1 || nextCursor !== null ? `Page ${cursors.length}` : '');
    } catch {
        // An answer that does not come is told by the events, which end then, too.
    } finally {
        if (namesAsked === asked)
            namesAsked = null;
    }
}

function turnTo(pages) {
    cursors = pages;
    byId('names-before').disabled = byId('names-after').disabled = true; // until that one has come
    refreshNames();
}

byId('names-after').addEventListener('click', () => turnTo([...cursors, nextCursor]));
byId('names-before').addEventListener('click', () => turnTo(cursors.slice(0, -1)));
byId('filter').addEventListener('input', () => turnTo(['']));
byId('more-introductions').addEventListener('click', () => {
    allIntroductions = !allIntroductions;
    showIntroductions();
});

// ---- kick

function askKick(name) {
    put(byId('kick-name'), name);
    byId('kick').returnValue = '';
    byId('kick').showModal();
}

byId('kick').addEventListener('close', async () => {
    if (byId('kick').returnValue !== 'kick')
        return;
    const name = byId('kick-name').textContent;
    try {
        const response = await fetch(`api/names/${encodeURIComponent(name)}/kick`, { method: 'POST' });
        if (response.status === 404)
            notice(`${name} was held by nobody any more.`);
        else if (!response.ok)
            throw new Error(`${response.status} ${response.statusText}`);
        else
            notice(`${name} was kicked.`);
    } catch (error) {
        notice(`${name} was not kicked: ${error.message}`, 'bad');
    }
    refreshNames();
});

// ---- the connection to the nameserver

let source = null;
let heardAt = 0;
let lostAt = null; // since when nothing comes
let tries = 0;
let retryTimer = 0;
let noticeEnds = Infinity;
let newlyConnected = false; // what was told meanwhile is to be asked for

function notice(text, className = '') {
    byId('notice').className = className;
    put(byId('notice'), text);
    noticeEnds = className === 'bad' && lostAt !== null ? Infinity : performance.now() + 10000;
}

function connectEvents() {
    clearTimeout(retryTimer);
    source?.close();
    heardAt = performance.now();
    newlyConnected = true;
    source = new EventSource('events');
    source.addEventListener('status', (event) => hear(JSON.parse(event.data)));
    source.addEventListener('introduction', (event) => hearIntroduction(JSON.parse(event.data)));
    source.addEventListener('error', lose);
}

function hear(told) {
    const again = status !== null && told.uptime_s < status.uptime_s;
    status = told;
    heardAt = performance.now();
    tries = 0;
    if (lostAt !== null)
        notice(again ? 'The nameserver has started anew.' : 'The connection to the nameserver is back.');
    lostAt = null;
    if (newlyConnected)
        readIntroductions(again);
    newlyConnected = false;
    document.body.classList.remove('lost');
    byId('state').dataset.state = 'live';
    put(byId('state'), told.stopping ? 'stopping' : 'live');
    showStatus();
    tick();
}

async function readIntroductions(again) {
    namesDue = -Infinity;
    try {
        const told = await getJson('api/introductions');
        if (again)
            introductions.clear();
        for (const i of told.introductions)
            hearIntroduction(i);
        showIntroductions();
    } catch {
        // As with names.
    }
}

async function lose() {
    source?.close();
    source = null;
    if (lostAt === null) {
        lostAt = heardAt;
        document.body.classList.add('lost');
        byId('state').dataset.state = 'lost';
        notice('The connection to the nameserver is lost. What is shown is old. Trying again.', 'bad');
    }
    clearTimeout(retryTimer);
    retryTimer = setTimeout(connectEvents, RETRY_MS[Math.min(tries, RETRY_MS.length - 1)]);
    tries++;
    const answer = await fetch('api/status').then((response) => response.status, () => 0);
    if (lostAt === null)
        return;
    if (answer === 401)
        notice('The nameserver wants a token: open this page with ?token= and the token behind it.', 'bad');
    else if (answer === 200 && tries > 2)
        notice('The nameserver answers, but tells this page nothing. Is it open too often?', 'bad');
}

function tick() { // ages grow without news, too
    const now = performance.now();
    if (source && document.visibilityState === 'visible' && now - heardAt > SILENT_MS)
        lose();
    if (lostAt !== null)
        put(byId('state'), `lost ${span((now - lostAt) / 1000)} ago`);
    if (now > noticeEnds)
        notice('');
    if (source && lostAt === null && namesAsked === null && now > namesDue)
        refreshNames();
    if (status !== null)
        showIntroductions();
}

// A page that nobody looks at costs the nameserver nothing.
document.addEventListener('visibilitychange', () => {
    if (document.visibilityState === 'visible') {
        connectEvents();
    } else {
        clearTimeout(retryTimer);
        source?.close();
        source = null;
    }
});
setInterval(() => {
    if (introductionsDue)
        showIntroductions();
}, 250);
setInterval(tick, 1000);
makeRates();
connectEvents();

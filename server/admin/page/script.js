// What the nameserver tells every second, shown.

import { byId, bytes, draw, fill, make, ms, number, percent, put, rate, span, textColumn } from './table.js';

const SILENT_MS = 5000; // the nameserver tells something every second
const RETRY_MS = [500, 1000, 2000, 5000];
const NAMES_A_PAGE = 25;
const NAMES_REQUESTS = 50; // for one page: the nameserver looks at so many names at a time
const NAMES_EVERY_MS = 5000; // and less often, where a page takes several of them
const INTRODUCTIONS_KEPT = 256;
const INTRODUCTIONS_SHOWN = 10;
const UNDER_WAY_S = 30; // whoever has not told by then does not

// ---- what is told every second

let status = null;

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

// Through a tunnel one's address there is a number of the nameserver's own.
const place = (peer, via) => (via ? `${via} (tunnel)` : peer);
const ageOf = (i) => i.age_s + (performance.now() - i.heardAt) / 1000;
const told = (i) => ['h1', 'h2'].map((by) => i.outcomes.find((o) => o.by === by)).filter(Boolean);

// One text if both sides tell the same, else the holder's and that of who asked.
const both = (i, textOf) => [...new Set(told(i).map(textOf).filter(Boolean))].join(' / ');

function took(i) {
    const times = told(i).map((o) => number.format(o.ms));
    return times.length ? `${times.join(' / ')} ms` : '';
}

function untold(i) {
    if (!i.told)
        return 'the holder does not know';
    return i.session && ageOf(i) < UNDER_WAY_S ? 'under way' : 'unknown';
}

const introductionColumns = [
    textColumn('text', '', (i) => i.name),
    textColumn('moment', '', (i) => `${span(ageOf(i))} ago`),
    textColumn('text', 'Holder', (i) => place(i.h1, i.h1_via)),
    textColumn('text', 'Who asked', (i) => `${i.h2_name} ${place(i.h2, i.h2_via)}`.trim()),
    {
        label: 'Way',
        show: (cell, i) => {
            put(cell, both(i, (o) => o.outcome) || untold(i));
            const failed = told(i).some((o) => o.outcome === 'failed');
            cell.className = failed ? 'failed' : told(i).length ? '' : 'waited';
        },
    },
    textColumn('number', 'Took', took),
    textColumn('', 'Reason', (i) => both(i, (o) => o.reason)),
];

function hearIntroduction(i) {
    // Two whom the nameserver introduces again in one session tell of all that together.
    for (const other of introductions.values()) {
        if (!i.session || other.session !== i.session || other.id === i.id)
            continue;
        if (other.id > i.id)
            return;
        introductions.delete(other.id);
    }
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

const holders = (n) => [n, ...(n.others ?? [])]; // a connection for each family

const nameColumns = [
    textColumn('text', '', (n) => n.name),
    textColumn('text', 'Holder', (n) => holders(n).map((h) => h.via ?? h.peer).join(', ')),
    textColumn('', 'Over', (n) => [...new Set(holders(n).map((h) => h.transport))].join(', ')),
    textColumn('number', 'For', (n) => span(n.since_s)),
    textColumn('number', 'Introductions', (n) => number.format(n.introductions ?? 0)),
    { className: 'text key', label: 'Key', show: showKey },
    { className: 'act', show: showKick },
];

// Its beginning, as the log has it; all of it where the pointer rests.
function showKey(cell, n) {
    const key = n.key ?? '';
    const whose = n.owner && n.owner !== key ? ', not its owner' : '';
    put(cell, key && key.slice(0, key.indexOf(':') + 9) + whose);
    cell.title = key;
}

function showKick(cell, n) {
    if (cell.firstChild)
        return;
    const button = make(cell, 'button', '', 'Kick');
    button.type = 'button';
    button.setAttribute('aria-label', `Kick ${n.name}`);
    button.addEventListener('click', () => askKick(n.name, Boolean(n.owner)));
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

function noNames(more) {
    if (more)
        return 'None of those that were looked at. There are more.';
    return byId('filter').value ? 'No name has that.' : 'Nobody holds a name.';
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
        // Those that stood here are gone.
        if (page.names.length === 0 && page.next === null && cursors.length > 1) {
            cursors.pop();
            namesDue = -Infinity;
            return;
        }
        namesDue = performance.now() + NAMES_EVERY_MS * page.requests;
        nextCursor = page.next;
        byId('names').closest('table').classList.toggle('keyless', !page.names.some((n) => n.key));
        page.names.sort((a, b) => (a.name < b.name ? -1 : 1));
        fill(byId('names'), nameColumns, page.names, (n) => n.name, noNames(nextCursor !== null));
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

function askKick(name, owned) {
    put(byId('kick-name'), name);
    byId('kick-owned').hidden = !owned;
    byId('kick-forget').checked = false;
    byId('kick').returnValue = '';
    byId('kick').showModal();
}

// A path may not have "..", which is a name like others. False: there is none of that any more.
async function change(method, what, name) {
    const response = await fetch(`api/${what}?${new URLSearchParams({ name })}`, { method });
    if (!response.ok && response.status !== 404)
        throw new Error(`${response.status} ${await response.text()}`);
    return response.ok;
}

async function kick(name, forget) {
    const forgotten = forget && (await change('DELETE', 'owner', name)) ? ' It is nobody\u2019s now.' : '';
    const kicked = (await change('POST', 'kick', name)) ? 'was kicked' : 'was held by nobody any more';
    return `${name} ${kicked}.${forgotten}`;
}

byId('kick').addEventListener('close', async () => {
    if (byId('kick').returnValue !== 'kick')
        return;
    const name = byId('kick-name').textContent;
    try {
        notice(await kick(name, byId('kick-forget').checked));
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
let connectedAt = 0;

function notice(text, className = '') {
    byId('notice').className = className;
    put(byId('notice'), text);
    noticeEnds = className === 'bad' && lostAt !== null ? Infinity : performance.now() + 10000;
}

function connectEvents() {
    clearTimeout(retryTimer);
    source?.close();
    connectedAt = performance.now();
    newlyConnected = true;
    source = new EventSource('events');
    source.addEventListener('status', (event) => hear(JSON.parse(event.data)));
    source.addEventListener('introduction', (event) => hearIntroduction(JSON.parse(event.data)));
    source.addEventListener('error', lose);
}

function hear(told) {
    const since = (performance.now() - heardAt) / 1000;
    const anew = status !== null && told.uptime_s < status.uptime_s + since - 2;
    status = told;
    heardAt = performance.now();
    tries = 0;
    if (lostAt !== null)
        notice(anew ? 'The nameserver has started anew.' : 'The connection to the nameserver is back.');
    lostAt = null;
    if (newlyConnected) {
        namesDue = -Infinity;
        readIntroductions();
    }
    newlyConnected = false;
    document.body.classList.remove('lost');
    byId('state').dataset.state = 'live';
    put(byId('state'), told.stopping ? 'stopping' : 'live');
    showStatus();
    tick();
}

// What was shown before is shown until the answer comes. Events may overtake it.
async function readIntroductions() {
    const begun = connectedAt;
    try {
        const told = (await getJson('api/introductions')).introductions;
        const newest = told.at(-1)?.id ?? 0;
        const events = new Map([...introductions].filter(([, i]) => i.heardAt >= begun));
        introductions.clear();
        told.forEach(hearIntroduction);
        for (const [id, i] of events)
            if (id > newest || i.outcomes.length > introductions.get(id)?.outcomes.length)
                introductions.set(id, i);
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
    if (source && now - Math.max(heardAt, connectedAt) > SILENT_MS)
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
function followSight() {
    if (document.visibilityState === 'visible') {
        connectEvents();
        return;
    }
    clearTimeout(retryTimer);
    source?.close();
    source = null;
}

document.addEventListener('visibilitychange', followSight);
setInterval(() => {
    if (introductionsDue)
        showIntroductions();
}, 250);
setInterval(tick, 1000);
makeRates();
followSight();

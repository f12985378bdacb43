// Text, pictures and tables, made of what strangers have sent: all of it becomes text nodes or attributes'
// values, never markup.

const SVG = 'http://www.w3.org/2000/svg';

export const byId = (id) => document.getElementById(id);
export const number = new Intl.NumberFormat('en');
export const percent = new Intl.NumberFormat('en', {
    style: 'percent',
    minimumFractionDigits: 1,
    maximumFractionDigits: 1,
});
const short = new Intl.NumberFormat('en', { maximumSignificantDigits: 2 });
export const rate = new Intl.NumberFormat('en', { maximumFractionDigits: 1 });

export function make(parent, tag, className, text) {
    const element = document.createElement(tag);
    if (className)
        element.className = className;
    if (text !== undefined)
        element.textContent = text;
    parent.append(element);
    return element;
}

export function draw(parent, tag, attributes) {
    const element = document.createElementNS(SVG, tag);
    for (const [name, value] of Object.entries(attributes))
        element.setAttribute(name, value);
    parent.append(element);
    return element;
}

// What is the same is not touched: somebody may have it selected, or have it read out.
export function put(element, text) {
    if (element.textContent !== text)
        element.textContent = text;
}

export function span(seconds) {
    const s = Math.max(0, Math.floor(seconds));
    if (s < 60)
        return `${s} s`;
    if (s < 3600)
        return `${Math.floor(s / 60)} min`;
    if (s < 86400)
        return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`;
    return `${Math.floor(s / 86400)} d ${Math.floor((s % 86400) / 3600)} h`;
}

export function bytes(n) {
    const units = ['B', 'KB', 'MB', 'GB', 'TB', 'PB'];
    let unit = 0;
    for (; n >= 1000 && unit < units.length - 1; unit++)
        n /= 1000;
    return `${unit && n < 100 ? n.toFixed(1) : Math.round(n)} ${units[unit]}`;
}

export const ms = (n) => `${short.format(n)} ms`;

// ---- tables: a row keeps its place and its focus as long as what it shows is there

// COLUMNS have className, label (for narrow screens) and show(cell, item); KEY_OF tells items apart; NONE is
// told where there are none.
export function fill(body, columns, items, keyOf, none) {
    const keys = new Set(items.length ? items.map(keyOf) : ['']);
    const rows = new Map();
    for (const row of [...body.rows]) {
        if (keys.has(row.dataset.key)) {
            rows.set(row.dataset.key, row);
            continue;
        }
        if (row.contains(document.activeElement))
            body.closest('table').focus();
        row.remove();
    }
    if (items.length === 0) {
        const row = rows.get('') ?? makeRow(body, [{}], '');
        row.className = 'none';
        row.cells[0].colSpan = columns.length;
        put(row.cells[0], none);
        return;
    }
    let at = body.firstElementChild;
    for (const item of items) {
        const row = rows.get(keyOf(item)) ?? makeRow(body, columns, keyOf(item));
        if (row === at)
            at = at.nextElementSibling;
        else
            body.insertBefore(row, at);
        columns.forEach((column, i) => column.show(row.cells[i], item));
    }
}

function makeRow(body, columns, key) {
    const row = make(body, 'tr');
    row.setAttribute('role', 'row');
    row.dataset.key = key;
    for (const column of columns) {
        const cell = make(row, 'td', column.className);
        cell.setAttribute('role', 'cell');
        if (column.label)
            cell.dataset.label = column.label;
    }
    return row;
}

export function textColumn(className, label, text) {
    return { className, label, show: (cell, item) => put(cell, text(item)) };
}

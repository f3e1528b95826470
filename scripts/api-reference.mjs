// docs/api.md, made from the declarations in dist/ and from the examples in test/docs/api-examples.test.ts.
import { readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';

const ENTRIES = [
  ['apns-streams', 'index.d.ts', 'The streams, and the types of what goes through them.'],
  [
    'apns-streams/protocol',
    'protocol/index.d.ts',
    'The codecs of both protocols, without streams, sockets or timers.',
  ],
  [
    'apns-streams/simulator',
    'simulator/index.d.ts',
    'APNs, a binary gateway and a feedback service on your own machine.',
  ],
];
const INTRODUCTION = readFileSync(new URL('./api-reference.md', import.meta.url), 'utf8');
const EXAMPLES = 'test/docs/api-examples.test.ts';

/** The text of docs/api.md for the package in the folder `root`, which is built. */
export function writeApiReference(root) {
  const dist = join(root, 'dist');
  const examples = readExamples(readFileSync(join(root, EXAMPLES), 'utf8'));
  const documented = new Map();
  const entries = ENTRIES.map(([entry, file, summary]) => {
    const exported = exportsOf(dist, file).map((each) => {
      const key = `${each.file} ${each.original}`;
      const first = documented.get(key);
      if (first === undefined) documented.set(key, each.name);
      return { ...each, isRepeated: first !== undefined };
    });
    return { entry, summary, exported };
  });
  const anchors = anchorsOf(
    entries.flatMap(({ exported }) => exported.filter(({ isRepeated }) => !isRepeated)),
  );
  const parts = entries.map((entry) => renderEntry(entry, anchors, examples));
  const introduction = INTRODUCTION.trimEnd().replaceAll(/\{\{(\w+)\}\}/g, (_, name) =>
    block(examples.get(name).text),
  );
  return `${introduction}\n\n${parts.join('\n\n')}\n`;
}

/** Every name that an entry exports, with its declaration. */
function exportsOf(dist, entry) {
  const path = join(dist, entry);
  const clauses = readFileSync(path, 'utf8').matchAll(/^export (type )?\{([^}]*)\} from '([^']+)\.js';/gm);
  return Array.from(clauses, ([, onlyTypes, list, from]) => {
    const file = join(dirname(path), `${from}.d.ts`);
    const source = readFileSync(file, 'utf8');
    return list
      .split(',')
      .map((text) => text.trim())
      .filter((text) => text !== '')
      .map((text) => {
        const isType = onlyTypes !== undefined || text.startsWith('type ');
        const [original, name = original] = text.replace(/^type /, '').split(' as ');
        const declaration = declarationOf(source, original);
        return { name, original, file: relative(dist, file), ...declaration, isValue: !isType };
      });
  })
    .flat()
    .toSorted((a, b) => Number(b.isValue) - Number(a.isValue) || (a.name < b.name ? -1 : 1));
}

/** A declaration with its docstring; overloads are one. */
function declarationOf(source, name) {
  const starts = source.matchAll(
    new RegExp(
      String.raw`^export (?:declare )?(?:abstract )?(type|interface|class|function|const) ${name}\b`,
      'gm',
    ),
  );
  const found = Array.from(starts, ({ index, 1: kind }) => ({
    kind,
    start: index,
    end: endOf(source, index, kind),
  }));
  if (found.length === 0) throw new Error(`no declaration of ${name}`);
  const before = source.slice(0, found[0].start).trimEnd();
  const docstring = before.endsWith('*/') ? before.slice(before.lastIndexOf('/**')) : '';
  const kinds = found.map(({ kind }) => kind);
  return {
    kind: kinds.find((kind) => kind !== 'type' && kind !== 'interface') ?? kinds[0],
    doc: textOf(docstring),
    code: found.map(({ start, end }) => source.slice(start, end)).join('\n'),
  };
}

/** Where a declaration ends: at its closing brace, or at the first semicolon outside of all brackets. */
function endOf(source, start, kind) {
  let depth = 0;
  for (const token of source.slice(start).matchAll(/\/\*[\s\S]*?\*\/|'(?:[^'\\]|\\.)*'|=>|[{}()[\];]/g)) {
    const end = start + token.index + token[0].length;
    if ('{(['.includes(token[0])) depth++;
    else if ('})]'.includes(token[0])) depth--;
    if (depth > 0) continue;
    if (token[0] === ';') return end;
    if (token[0] === '}' && (kind === 'interface' || kind === 'class')) return end;
  }
  throw new Error(`a declaration has no end: ${source.slice(start, start + 80)}`);
}

/** The text of a docstring, without its marks. */
function textOf(docstring) {
  return docstring
    .replace(/^\/\*\*\s*|\s*\*\/$/g, '')
    .split('\n')
    .map((line) => line.replace(/^\s*\* ?/, ''))
    .join('\n')
    .trim();
}

/** The code of each region, by each of the names that the region lists. */
function readExamples(source) {
  const examples = new Map();
  for (const [, list, code] of source.matchAll(/^ *\/\/ #region (.+)\n([\s\S]*?)^ *\/\/ #endregion$/gm)) {
    const lines = code.trimEnd().split('\n');
    const indent = Math.min(...lines.filter((line) => line !== '').map((line) => line.search(/\S/)));
    const text = lines.map((line) => line.slice(indent)).join('\n');
    const names = list.split(' ');
    for (const name of names) examples.set(name, { text, first: names[0] });
  }
  return examples;
}

function renderEntry({ entry, summary, exported }, anchors, examples) {
  const rows = exported.map(({ name, kind, doc }) => {
    const first = doc.split(/(?<=\.)\s|:\n-|\n\n|\n@/)[0].replaceAll('\n', ' ');
    return `| [\`${name}\`](#${anchors.get(name)}) | ${kind} | ${linked(first, anchors).replaceAll('|', '\\|')} |`;
  });
  const sections = exported.filter(({ isRepeated }) => !isRepeated);
  return [
    `## ${entry}`,
    summary,
    ['| export | kind | |', '|---|---|---|', ...rows].join('\n'),
    ...sections.map((each) => renderExport(each, anchors, examples)),
  ].join('\n\n');
}

function renderExport({ name, original, doc, code, isValue }, anchors, examples) {
  const [text, ...tags] = doc.split(/^(?=@\w)/m);
  const example = examples.get(name);
  if (isValue && example === undefined) throw new Error(`${EXAMPLES} has no region for ${name}`);
  const parts = [
    `### ${name}`,
    linked(text.trim(), anchors),
    block(publicPart(code, original, name)),
    renderTags(tags, anchors),
    example &&
      (example.first === name
        ? `Example:\n\n${block(example.text)}`
        : `Example: see [\`${example.first}\`](#${anchors.get(example.first)}).`),
  ];
  return parts.filter(Boolean).join('\n\n');
}

function block(code) {
  return `\`\`\`ts\n${code}\n\`\`\``;
}

/** What a caller can use of a declaration: no private members, and none of the methods that Node calls. */
function publicPart(code, original, name) {
  return code
    .replace(/^export (?:declare )?/gm, '')
    .replaceAll(/^ {4}#private;\n/gm, '')
    .replaceAll(
      /^(?: {4}\/\*\*(?:(?!\*\/)[\s\S])*\*\/\n)? {4}(?:static|private|protected|_\w+\(|\[\w+\]\().*\n/gm,
      '',
    )
    .replaceAll(/^ {4}(?=\S)/gm, '  ')
    .replaceAll(/^ {5}\*/gm, '   *')
    .replaceAll(/\{@link ([\w.]+)\}/g, '`$1`')
    .replace(new RegExp(String.raw`(?<=\b(?:function|class|const|type|interface) )${original}\b`, 'g'), name);
}

const TAG_TITLES = {
  throws: 'Throws',
  param: 'Parameter',
  returns: 'Returns',
  default: 'Default',
  see: 'See',
};

function renderTags(tags, anchors) {
  const lines = tags.map((tag) => {
    const [, name, text] = /^@(\w+)\s*([\s\S]*)$/.exec(tag.trim());
    const title = TAG_TITLES[name];
    if (title === undefined) throw new Error(`no heading for the tag @${name}`);
    const flat = text.replaceAll(/\s*\n\s*/g, ' ');
    const shown =
      name === 'param' ? flat.replace(/^(\S+)(?: -)? /, '`$1`: ') : flat.replace(/^\{(\w+)\} /, '`$1` ');
    return `- ${title} ${linked(shown, anchors)}`;
  });
  return lines.join('\n');
}

/** Links of a docstring as links of the page. */
function linked(text, anchors) {
  return text.replaceAll(/\{@link ([\w.]+)\}/g, (_, name) =>
    anchors.has(name) ? `[\`${name}\`](#${anchors.get(name)})` : `\`${name}\``,
  );
}

/** The anchor of each heading: names that differ in their case only get a number, as on GitHub. */
function anchorsOf(exported) {
  const anchors = new Map();
  const taken = new Map();
  for (const { name } of exported) {
    const slug = name.toLowerCase();
    const times = taken.get(slug) ?? 0;
    taken.set(slug, times + 1);
    anchors.set(name, times === 0 ? slug : `${slug}-${times}`);
  }
  return anchors;
}

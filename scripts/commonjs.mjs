// Converts the ES modules that Rolldown writes to CommonJS.
//
// Rolldown can write CommonJS itself, but then every use of another chunk is a property access through a getter, and
// import() stays, which Jest does not support. Here the names of other chunks and of Node are constants, as they are
// in the sources. That is correct because chunks are not circular and no exported variable changes.

const IMPORT = /^import (?:(\w+)(?:, | (?=from)))?(?:\{ ([^}]*) \} )?(?:from )?("[^"]+");$/gm;
const DYNAMIC_IMPORT = /\bimport\(("[^"]+")\)/g;
const EXPORT = /^export \{ ?([^}]*)\};\n?/gm;

/** The code of one file as CommonJS. It throws for other forms of `import` and `export` than those above. */
export function toCommonJs(code) {
  const [, shebang, body] = code.match(/^(#!.*\n)?([\s\S]*)$/);
  const converted = body
    .replace(IMPORT, (_, whole, named, from) => requireOf(whole, named, from))
    .replace(DYNAMIC_IMPORT, 'Promise.resolve().then(function () { return require($1); })')
    .replaceAll('import.meta.url', 'require("node:url").pathToFileURL(__filename).href')
    .replace(EXPORT, (_, names) => exportsOf(names, body));
  const rest = converted.match(/^(?:import|export)\b.*/m);
  if (rest !== null) throw new Error(`cannot be CommonJS: ${rest[0].slice(0, 80)}`);
  return `${shebang ?? ''}"use strict";\n${converted}`;
}

function requireOf(whole, named, from) {
  const names = named?.replaceAll(' as ', ': ');
  if (whole === undefined) return `${names === undefined ? '' : `const { ${names} } = `}require(${from});`;
  return `const ${whole} = require(${from});${names === undefined ? '' : `\nconst { ${names} } = ${whole};`}`;
}

function exportsOf(names, body) {
  const pairs = names.split(',').flatMap((text) => {
    const [local, exported = local] = text.trim().split(' as ');
    return local === '' ? [] : [[local, exported]];
  });
  const changing = pairs.find(([local]) =>
    new RegExp(`^let ${local.replaceAll('$', '\\$')}\\b`, 'm').test(body),
  );
  if (changing !== undefined) throw new Error(`${changing[0]} is exported and may change`);
  return pairs.map(([local, exported]) => `exports.${exported} = ${local};\n`).join('');
}

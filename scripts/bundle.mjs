// The JavaScript of dist/, made of src/ with Rolldown: CommonJS, and an ES module for each entry that only passes on
// its names. So import and require() share one copy of everything, and Jest can load it.
//
// A module goes into the chunk named after the first of these entries that reaches it. An entry therefore loads its
// own chunk and those above it, and nothing that only the ones below it need.
import { readdirSync, writeFileSync } from 'node:fs';
import { basename, join, relative, sep } from 'node:path';
import { rolldown } from 'rolldown';
import { toCommonJs } from './commonjs.mjs';

/** What is published, by the chunk that holds what it is the first to reach. */
const ENTRIES = {
  protocol: 'protocol/index',
  main: 'index',
  simulator: 'simulator/index',
  command: 'cli/main',
};

/** The entries that are imported; the command is run. */
const IMPORTED = [ENTRIES.protocol, ENTRIES.main, ENTRIES.simulator];

/** What the command's entry loads once it knows that this Node will do: published, and no entry of its own. */
const COMMAND_START = 'cli/start';

/** Writes the bundle of `root` into the folder `out`. */
export async function writeBundle(root, out) {
  const src = join(root, 'src');
  const nameOf = (id) => relative(src, id).split(sep).join('/').slice(0, -'.ts'.length);
  const modules = readdirSync(src, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => nameOf(join(src, file)))
    .sort();
  const published = [...Object.values(ENTRIES), COMMAND_START];
  // A door to every other module: it gives the tests what is in the chunks, and is not published.
  const input = Object.fromEntries(
    modules.map((name) => [published.includes(name) ? name : `internal/${name}`, join(src, `${name}.ts`)]),
  );
  const bundle = await rolldown({
    cwd: root,
    input,
    preserveEntrySignatures: 'strict',
    platform: 'node',
    external: /^node:/,
    tsconfig: false,
    resolve: { extensionAlias: { '.js': ['.ts'] } },
    transform: { target: 'node20.19' },
    onLog: (_level, log) => {
      throw new Error(log.message);
    },
  });
  let chunks;
  const { output } = await bundle.write({
    dir: out,
    format: 'esm',
    entryFileNames: '[name].js',
    // As deep as cli/main.js: the command finds package.json two folders up.
    chunkFileNames: 'chunks/[name].js',
    // The code is to be read, and to be found again in a stack: no short names, and no maps needed.
    minify: false,
    minifyInternalExports: false,
    hoistTransitiveImports: false,
    plugins: [{ name: 'to-require', renderChunk: toCommonJs }],
    codeSplitting: {
      // A group takes along what its modules import, unless one of higher priority has it.
      groups: Object.keys(ENTRIES).map((chunk, index, { length }) => ({
        debugName: chunk,
        priority: length - index,
        name(id, context) {
          chunks ??= assign(nameOf, (name) => join(src, `${name}.ts`), context);
          return chunks.get(id) === chunk ? chunk : null;
        },
      })),
    },
  });
  await bundle.close();
  writeFileSync(join(out, 'package.json'), `${JSON.stringify({ type: 'commonjs' })}\n`);
  for (const entry of IMPORTED) {
    const { exports } = output.find(({ fileName }) => fileName === `${entry}.js`);
    const from = `'./${basename(entry)}.js';\n`;
    writeFileSync(
      join(out, `${entry}.mjs`),
      `export {\n  ${exports.toSorted().join(',\n  ')},\n} from ${from}`,
    );
    writeFileSync(join(out, `${entry}.d.mts`), `export * from ${from}`);
  }
}

/** The chunk of each module, by id. The command itself stays outside: whoever imports it runs it. */
function assign(nameOf, idOf, context) {
  const chunks = new Map();
  const visit = (id, chunk) => {
    const info = id.startsWith('node:') || chunks.has(id) ? null : context.getModuleInfo(id);
    if (info === null) return;
    chunks.set(id, chunk);
    for (const next of [...info.importedIds, ...info.dynamicallyImportedIds]) visit(next, chunk);
  };
  for (const [chunk, entry] of Object.entries(ENTRIES)) visit(idOf(entry), chunk);
  for (const id of chunks.keys()) if (nameOf(id) === ENTRIES.command) chunks.delete(id);
  return chunks;
}

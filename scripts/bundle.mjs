// The JavaScript of dist/, made of src/ with Rolldown.
//
// A module goes into the chunk named after the first of these entries that reaches it. An entry therefore loads its
// own chunk and those above it, and nothing that only the ones below it need.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { rolldown } from 'rolldown';

/** What is published, by the chunk that holds what it is the first to reach. */
const ENTRIES = {
  protocol: 'protocol/index',
  main: 'index',
  simulator: 'simulator/index',
  command: 'cli/main',
};

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
  await bundle.write({
    dir: out,
    format: 'esm',
    entryFileNames: '[name].js',
    // As deep as cli/main.js: the command finds package.json two folders up.
    chunkFileNames: 'chunks/[name].js',
    // The code is to be read, and to be found again in a stack: no short names, and no maps needed.
    minify: false,
    minifyInternalExports: false,
    hoistTransitiveImports: false,
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
  dropEmptyExport(join(out, `${ENTRIES.command}.js`));
}

/** An entry that any Node is to parse must not say `export`: before Node 12.17 it is no module. */
function dropEmptyExport(file) {
  writeFileSync(file, `${readFileSync(file, 'utf8').replace(/\s*export \{\s*\};\s*$/, '')}\n`);
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

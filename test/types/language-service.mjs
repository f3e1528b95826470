// node language-service.mjs COMPILER-FOLDER FILE < texts.json
//
// Prints what an editor with that version of TypeScript shows for each text of the file, as JSON: the completions at `|`,
// and the errors. This is a separate process, because the package's own compiler has no declarations of this API.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

const [folder, file] = process.argv.slice(2);
const ts = createRequire(join(folder, 'package.json'))('typescript');
const config = ts.readConfigFile(join(folder, 'tsconfig.json'), ts.sys.readFile).config;
const { options } = ts.parseJsonConfigFileContent(config, ts.sys, folder);

let text = '';
let version = 0;
const read = (name) => (name === file ? text : ts.sys.readFile(name));
const service = ts.createLanguageService({
  ...ts.sys,
  useCaseSensitiveFileNames: () => ts.sys.useCaseSensitiveFileNames,
  getCompilationSettings: () => options,
  getScriptFileNames: () => [file],
  getScriptVersion: (name) => (name === file ? `${version}` : '0'),
  getScriptSnapshot: (name) => {
    const content = read(name);
    return content === undefined ? undefined : ts.ScriptSnapshot.fromString(content);
  },
  fileExists: (name) => name === file || ts.sys.fileExists(name),
  readFile: read,
  getCurrentDirectory: () => folder,
  getDefaultLibFileName: ts.getDefaultLibFilePath,
});

const shown = JSON.parse(readFileSync(0, 'utf8')).map((edited) => {
  text = edited.replace('|', '');
  version++;
  const completions = service.getCompletionsAtPosition(file, edited.indexOf('|'), {});
  const errors = service.getSemanticDiagnostics(file);
  return {
    completions: completions?.entries.map(({ name }) => name) ?? [],
    errors: errors.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, ' ')),
  };
});
process.stdout.write(JSON.stringify(shown));

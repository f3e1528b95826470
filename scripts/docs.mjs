// `npm run docs`: writes docs/api.md anew from what was built.
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { writeApiReference } from './api-reference.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
writeFileSync(new URL('../docs/api.md', import.meta.url), writeApiReference(root));

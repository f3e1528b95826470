/** Every decoder that reads what others have written, in one table. */
import type { FuzzTarget } from './fuzz-target.js';
import { BINARY_TARGETS } from './targets/binary.js';
import { CREDENTIAL_TARGETS } from './targets/credentials.js';
import { HPACK_TARGETS } from './targets/hpack.js';
import { HTTP2_FRAME_TARGETS } from './targets/http2-frames.js';
import { JSON_TARGETS } from './targets/json.js';
import { LEDGER_TARGETS } from './targets/ledger.js';
import { NDJSON_TARGETS } from './targets/ndjson.js';
import { PACKET_TARGETS } from './targets/packets.js';
import { RESPONSE_TARGETS } from './targets/responses.js';

export const FUZZ_TARGETS: readonly FuzzTarget[] = [
  ...BINARY_TARGETS,
  ...PACKET_TARGETS,
  ...JSON_TARGETS,
  ...NDJSON_TARGETS,
  ...HTTP2_FRAME_TARGETS,
  ...HPACK_TARGETS,
  ...RESPONSE_TARGETS,
  ...CREDENTIAL_TARGETS,
  ...LEDGER_TARGETS,
];

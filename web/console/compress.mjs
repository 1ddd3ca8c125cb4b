// Every text of a folder also as .gz and .br, when that is smaller: the server only chooses.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';

for (const name of readdirSync(process.argv[2], { recursive: true })) {
  if (!/\.(js|css|html|svg|json)$/.test(name)) continue;
  const file = join(process.argv[2], name);
  const held = readFileSync(file);
  const packed = [['.gz', gzipSync(held, { level: 9 })], ['.br', brotliCompressSync(held, { params: { [constants.BROTLI_PARAM_QUALITY]: 10 } })]];
  for (const [ending, bytes] of packed) if (bytes.length < held.length) writeFileSync(file + ending, bytes);
}

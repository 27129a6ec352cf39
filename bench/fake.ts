/**
 * @module bench/fake
 * A small cache for tests of the benchmark, with a defect where one is named:
 * `node bench/fake.ts PORT ORIGIN_PORT [DEFECT]`.
 */
import { createServer } from 'node:http';

const [port, originPort, defect] = process.argv.slice(2);
const kept = new Map<string, Buffer>();
let answered = 0;

if (defect === 'ends') {
  console.error('no such option');
  process.exit(1);
}

createServer((request, response) => {
  void answer(request.url!).then((body) => {
    if (defect === 'breaks' && ++answered > 100) process.exit(1);
    response.statusCode = defect === 'status' ? 500 : 200;
    response.end(body);
  });
}).listen(Number(port), '127.0.0.1');

async function answer(path: string): Promise<Buffer> {
  const found = kept.get(path);
  if (found !== undefined) return found;
  const fetched = await fetch(`http://127.0.0.1:${originPort}${path}`);
  const body = Buffer.from(await fetched.arrayBuffer());
  if (defect === 'short') return body.subarray(1);
  if (defect === 'bytes') return Buffer.alloc(body.length, 'x');
  const mayKeep = !fetched.headers.get('cache-control')!.includes('no-store');
  if (defect === 'greedy' || (mayKeep && defect !== 'forgetful')) kept.set(path, body);
  return body;
}

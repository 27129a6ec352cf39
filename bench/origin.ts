/**
 * @module bench/origin
 * The origin all rivals stand in front of, in a process of its own: `node bench/origin.ts PORT`.
 * It writes prepared bytes to raw sockets, because a slow origin would hide the cost of a miss.
 */
import { createServer } from 'node:net';
import type { Socket } from 'node:net';
import { COUNT_PATH, representation } from './site.ts';
import type { Representation } from './site.ts';

const known = new Map<string, Representation>();
let requests = 0;
let date = new Date().toUTCString();
setInterval(() => (date = new Date().toUTCString()), 500).unref();

createServer({ noDelay: true }, (socket) => {
  let rest = '';
  socket.setEncoding('latin1');
  socket.on('data', (text: string) => {
    rest += text;
    for (let end = rest.indexOf('\r\n\r\n'); end !== -1; end = rest.indexOf('\r\n\r\n')) {
      answer(socket, rest.slice(0, end + 2));
      rest = rest.slice(end + 4);
    }
  });
  // A client that goes away in the middle, as load generators do at the end of a round.
  socket.on('error', () => socket.destroy());
}).listen(Number(process.argv[2]), '127.0.0.1', 4096);

function answer(socket: Socket, head: string): void {
  const line = head.slice(0, head.indexOf('\r\n'));
  const [method, target = '', version] = line.split(' ');
  const path = target.startsWith('http://') ? new URL(target).pathname : target;
  const close = version === 'HTTP/1.0' || /\r\nconnection: close\r\n/iu.test(head);
  if (path === COUNT_PATH) {
    const count = String(requests);
    socket.write(`HTTP/1.1 200 OK\r\nDate: ${date}\r\nCache-Control: no-store\r\nContent-Length: ${count.length}\r\n\r\n${count}`);
  } else {
    requests++;
    send(socket, method === 'HEAD', find(path, head), close);
  }
  if (close) socket.end();
}

function find(path: string, head: string): Representation | undefined {
  if (path.startsWith('/object')) return representation(path);
  const variant = path.startsWith('/vary/') ? (/\r\naccept-encoding:([^\r]*)/iu.exec(head)?.[1] ?? '') : '';
  const name = `${path} ${variant}`;
  const found = known.get(name) ?? representation(path, variant);
  if (found !== undefined) known.set(name, found);
  return found;
}

function send(socket: Socket, isHead: boolean, found: Representation | undefined, close: boolean): void {
  const connection = close ? 'Connection: close\r\n' : '';
  if (found === undefined) {
    socket.write(`HTTP/1.1 404 Not Found\r\nDate: ${date}\r\n${connection}Content-Length: 0\r\n\r\n`);
    return;
  }
  const head = `HTTP/1.1 200 OK\r\nDate: ${date}\r\n${connection}${found.fields}\r\n`;
  if (isHead) socket.write(head, 'latin1');
  else if (found.body.length <= 16 * 1024) socket.write(head + found.body.toString('latin1'), 'latin1');
  else {
    socket.cork();
    socket.write(head, 'latin1');
    socket.write(found.body);
    socket.uncork();
  }
}

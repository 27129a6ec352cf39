/**
 * @module conformance/scripted-cache
 * Very small caches, right and wrong on purpose, to prove that the runner can tell them apart.
 */
import { createServer, request as send } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import type { RunningCache } from './peers.ts';

export interface Habits {
  /** Stores the first response to a GET of each case's URL, and replays it for ever. */
  readonly hoards?: boolean;
  /** Keeps interim responses to itself. */
  readonly dropsInterim?: boolean;
  /** Asks the origin twice for each request. */
  readonly asksTwice?: boolean;
  /** Turns the bytes of the body round. */
  readonly altersBody?: boolean;
  /** Leaves this field out of requests and responses, by its lower-case name. */
  readonly drops?: string;
}

interface Answer {
  readonly status: number;
  readonly fields: string[];
  readonly body: Buffer;
}

/** Without habits it passes everything through. */
export async function startScriptedCache(originPort: number, habits: Habits = {}): Promise<RunningCache> {
  const stored = new Map<string, Answer>();
  const server = createServer((request, response) => {
    const forCase = request.url?.startsWith('/test/') ?? false;
    const known = forCase && request.method === 'GET' ? stored.get(request.url!) : undefined;
    const fetched = known === undefined ? fetchAnswer() : Promise.resolve(known);
    fetched.then(
      (answer) => {
        if (forCase && habits.hoards === true && !stored.has(request.url!)) stored.set(request.url!, answer);
        response.writeHead(answer.status, without(answer.fields, habits.drops));
        response.end(forCase && habits.altersBody === true ? answer.body.toReversed() : answer.body);
      },
      () => response.writeHead(502).end('no answer'),
    );

    async function fetchAnswer(): Promise<Answer> {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const ask = (): Promise<Answer> =>
        forward(originPort, request, Buffer.concat(chunks), habits.drops, (status, fields) => {
          if (habits.dropsInterim !== true) response.writeInformation(status, fields);
        });
      if (forCase && habits.asksTwice === true) await ask();
      return ask();
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

async function forward(
  port: number,
  request: IncomingMessage,
  body: Buffer,
  drops: string | undefined,
  onInterim: (status: number, fields: Record<string, string>) => void,
): Promise<Answer> {
  const outgoing = send({ host: '127.0.0.1', port, method: request.method!, path: request.url!, headers: without(request.rawHeaders, drops), agent: false });
  outgoing.on('information', (info) => onInterim(info.statusCode, info.headers as Record<string, string>));
  outgoing.end(body);
  const [incoming] = (await once(outgoing, 'response')) as [IncomingMessage];
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  return { status: incoming.statusCode!, fields: without(incoming.rawHeaders, 'connection'), body: Buffer.concat(chunks) };
}

/** The fields (name, value, name, value …) but those of that name. */
function without(fields: readonly string[], name: string | undefined): string[] {
  return fields.filter((_, index) => fields[index - (index % 2)]!.toLowerCase() !== name);
}

/**
 * @module policy/streams
 * Responses that are live: streams of events or records, and media without an end. Whoever comes later
 * wants them from now on, and not from their first byte, so none is stored or shared unless the response
 * states a lifetime.
 */
import type { RequestHead, StoredResponse } from './message.ts';

/** Media types that exist to send one event, record or picture after the other. */
const STREAM_TYPES: readonly RegExp[] = [
  // https://html.spec.whatwg.org/multipage/server-sent-events.html
  /^text\/event-stream$/,
  /^application\/x-dom-event-stream$/,
  /^application\/vnd\.amazon\.eventstream$/,
  // Pictures of a camera, each in place of the one before.
  /^multipart\/x-mixed-replace$/,
  // Records of JSON, as ndjson, JSON Lines or json-seq (https://www.rfc-editor.org/rfc/rfc7464.html), also as a suffix.
  /^(?:application|text)\/(?:[^/]+\+)?(?:x-)?(?:ndjson|nd-json|ldjson|jsonl|jsonlines|json-lines|json-seq|json-stream)$/,
  /^application\/(?:x-)?stream\+/,
  // gRPC, gRPC-Web and the streams of Connect.
  /^application\/grpc(?:-web(?:-text)?)?(?:\+|$)/,
  /^application\/connect\+/,
  // Media servers of Microsoft, and RTSP through HTTP.
  /^application\/x-(?:mms-framed|rtsp-tunnelled)$/,
];

/**
 * Types of which what has no known length is live: media, and parts that come one by one (GraphQL's
 * incremental delivery and subscriptions).
 */
const LIVE_WITHOUT_LENGTH = /^(?:audio\/|video\/|application\/ogg$|multipart\/mixed$)/;

/** Parameter by which APIs mark a type as streamed, as Kubernetes does: `application/json;stream=watch`. */
const STREAM_PARAMETER = /;\s*stream=/i;

/** Fields of Icecast and SHOUTcast, whatever they send. */
const ICY_FIELD = /^icy-/i;

/** The field that tells that a response is a stream, as text; undefined where it is none. */
export function streamSign({ fields, range }: StoredResponse): string | undefined {
  const contentType = fields.first('content-type');
  if (contentType !== undefined) {
    const type = contentType.split(';', 1)[0]!.trim().toLowerCase();
    if (STREAM_TYPES.some((pattern) => pattern.test(type))) return `Content-Type: ${type}`;
    if (STREAM_PARAMETER.test(contentType)) return `Content-Type: ${type}, marked as a stream`;
    if (LIVE_WITHOUT_LENGTH.test(type) && range === undefined && !fields.has('content-length')) return `Content-Type: ${type}, of unknown length`;
  }
  // An application asks nginx not to buffer what it streams, and nginx stores nothing of it.
  const buffering = fields.first('x-accel-buffering');
  if (buffering?.trim().toLowerCase() === 'no') return 'X-Accel-Buffering: no';
  return fields.lines.find((name, i) => i % 2 === 0 && ICY_FIELD.test(name));
}

/**
 * The request is for events, as that of an EventSource: it must not wait for the response to another, whose
 * head some servers send with its first event only.
 */
export function asksForEvents({ fields }: RequestHead): boolean {
  return fields.get('accept')?.toLowerCase().includes('text/event-stream') ?? false;
}

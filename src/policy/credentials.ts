/**
 * @module policy/credentials
 * Request fields that tell the origin who asks: cookies, Authorization, and the fields that
 * applications and proxies use in their place. Their names are not standardized, so they are recognized
 * by the words in them. A name that is taken for a credential by mistake costs an implicit lifetime;
 * one that is missed can give the page of one person to others.
 */
import { plainName } from '../http/fields.ts';

/** They decide wherever they stand in a name. `author` and `certain` are other words. */
const PARTS = [
  'auth(?!or(?!i[sz]))', 'token', 'jwt', 'bearer', 'oidc', 'saml', 'assertion', 'dpop', 'ticket',
  'secret', 'passw', 'passphrase', 'passcode', 'credential', 'signature', 'hmac', 'cookie', 'session', 'csrf', 'xsrf',
  'cert(?!ain)', '(?:ssl|tls)-client', 'client-(?:[is]-)?(?:dn|subject|issuer|serial|verif)', 'subject-dn',
  'principal', 'identity', 'impersonat', 'login', 'logged', 'msisdn', 'imsi', 'imei', 'uidh', 'up-subno',
];

/** They decide as a word of their own. */
const WORDS = ['pass', 'pwd', 'sid', 'uid', 'otp', 'sso', 'acr'];

const ID = '-?(?:id|uid|uuid|guid|ident|identifier)';

/** They decide at the end: `User-Agent`, `X-Client-IP` and `X-Key-Frame` name nobody. */
const ENDINGS = [
  'keys?', 'key-?(?:id|name|hash|value)', 'roles?', 'groups?', 'permissions?', 'claims?', 'scopes?', 'e?mail', 'remote-name',
  `(?:user|account|customer|member|subscriber|subscription|employee|tenant|person)(?:${ID}|-?(?:name|hash|info|data|number|no))?`,
  `(?:client|device|visitor|player|profile|owner|org|organi[sz]ation|workspace|merchant|patient|student)${ID}`,
];

const CREDENTIAL = new RegExp(`${PARTS.join('|')}|(?:^|-)(?:${WORDS.join('|')})(?:-|$)|(?:${ENDINGS.join('|')})$`);

/**
 * Browsers, players and package managers send them to everybody, or they name a thing that is no person.
 * Playback sessions: AVPlayer of Apple, and CMCD (CTA-5004). The sessions of npm and NuGet are runs of the program.
 */
const HARMLESS = /^(?:sec-(?:fetch|ch|websocket)-|accept-|access-control-|cmcd-|npm-|x-nuget-|x-playback-session-id$)|(?:idempotency|surrogate|cache|partition|routing)-key$/;

/** @param name in whatever case, and in the spelling of CGI too */
export function isCredential(name: string): boolean {
  const plain = plainName(name);
  return CREDENTIAL.test(plain) && !HARMLESS.test(plain);
}

const PLACES = 4096;
/** Characters of a name that is remembered. */
const MAX_NAME = 64;
const names: (string | undefined)[] = Array.from({ length: PLACES }, () => undefined);
const verdicts = new Uint8Array(PLACES);

/** The same from memory, as nearly all names have been met before, and each is asked for several times a request. */
export function isKnownCredential(name: string): boolean {
  const { length } = name;
  const place = (Math.imul(length, 0x9e5) ^ (name.charCodeAt(0) << 7) ^ (name.charCodeAt(length >> 1) << 4) ^ name.charCodeAt(length - 1)) & (PLACES - 1);
  if (names[place] === name) return verdicts[place] === 1;
  const verdict = isCredential(name);
  if (length <= MAX_NAME) {
    // A copy: the name may be a slice of a whole head, which would be kept with it.
    names[place] = Buffer.from(name, 'latin1').toString('latin1');
    verdicts[place] = verdict ? 1 : 0;
  }
  return verdict;
}

/**
 * @module http/proxy-fields
 * Request fields that proxies set and origins believe. Those of a client are worth nothing and,
 * unkeyed, can poison a cache, show one client another's page or pass by an origin's checks. One table
 * for header and trailer sections. Names are in lower case, with "-" for "_": CGI programs cannot tell these apart.
 */

interface ProxyFields {
  /** Whose they are, or where they are documented. */
  readonly source: string;
  /** They tell the URL that the client used: an origin may answer otherwise for another value. */
  readonly aboutUrl?: string;
  /** They tell something else: the client's address, identity or certificate, or steps that are done already. */
  readonly other?: string;
  /** So does every field whose name begins so. */
  readonly prefixes?: string;
}

const TABLE: readonly ProxyFields[] = [
  { source: 'https://www.rfc-editor.org/rfc/rfc7239.html', other: 'forwarded' },
  {
    source: 'de facto: https://developer.mozilla.org/docs/Web/HTTP/Reference/Headers/X-Forwarded-For, with its spellings in proxies and frameworks',
    aboutUrl: 'x-forwarded-port x-forwarded-prefix x-forwarded-path x-forwarded-uri x-forwarded-scheme x-forwarded-protocol x-forwarded-ssl x-forwarded-server x-forwarded-method forwarded-host forwarded-proto forwarded-port forwarded-server',
    other: 'x-forwarded x-real-ip x-client-ip x-cluster-client-ip client-ip x-originating-ip x-proxyuser-ip proxy-client-ip http-client-ip',
    prefixes: 'x-forwarded- forwarded-',
  },
  { source: 'https://symfony.com/blog/cve-2018-14773-remove-support-for-legacy-and-risky-http-headers', aboutUrl: 'x-original-url x-rewrite-url' },
  { source: 'ASP.NET Core ForwardedHeaders, ingress-nginx', aboutUrl: 'x-original-uri x-original-host x-original-proto x-original-method', prefixes: 'x-original-' },
  { source: 'https://portswigger.net/research/practical-web-cache-poisoning', aboutUrl: 'x-host x-http-host-override x-http-path-override x-script-name script-name x-url-scheme x-scheme x-proxy-url base-url http-host' },
  { source: 'Microsoft IIS, ARR and Azure', aboutUrl: 'front-end-https ssl-offloaded x-ssl-offloaded x-ms-original-url disguised-host x-waws-unencoded-url', prefixes: 'x-arr- x-azure- x-ms-client-principal x-ms-token-aad- x-ms-forwarded-' },
  { source: 'https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_conn_man/headers', aboutUrl: 'x-envoy-original-path x-envoy-original-host', prefixes: 'x-envoy-' },
  { source: 'https://developers.cloudflare.com/fundamentals/reference/http-headers/', aboutUrl: 'cf-visitor', other: 'cf-connecting-ip cf-connecting-ipv6 cf-pseudo-ipv4 cf-ipcountry cf-worker true-client-ip' },
  { source: 'https://www.fastly.com/documentation/reference/http/http-headers/', aboutUrl: 'fastly-ssl fastly-orig-host', other: 'fastly-client-ip fastly-client fastly-ff fastly-temp-xff' },
  { source: 'https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/adding-cloudfront-headers.html and Elastic Load Balancing', aboutUrl: 'cloudfront-forwarded-proto', prefixes: 'cloudfront- x-amzn-oidc- x-amzn-mtls- x-amzn-tls-' },
  { source: 'Google Cloud, App Engine and IAP', prefixes: 'x-appengine- x-goog-authenticated-user-' },
  { source: 'Akamai, Imperva, Sucuri, Fly, Netlify, Vercel', other: 'akamai-client-ip incap-client-ip x-sucuri-clientip x-sucuri-country fly-client-ip fly-forwarded-port x-nf-client-connection-ip x-vercel-forwarded-for', prefixes: 'x-vercel-ip- x-akamai-' },
  { source: 'Oracle WebLogic', aboutUrl: 'wl-proxy-ssl', prefixes: 'wl-proxy-' },
  { source: 'Next.js between its own processes: https://nextjs.org/blog/cve-2025-29927', aboutUrl: 'x-matched-path x-now-route-matches', other: 'x-middleware-subrequest x-middleware-subrequest-id x-middleware-rewrite x-middleware-redirect x-middleware-set-cookie x-middleware-skip x-middleware-override-headers x-middleware-next x-middleware-invoke', prefixes: 'x-invoke-' },
  { source: 'https://www.rfc-editor.org/rfc/rfc9440.html#section-2.4 and what it replaces', other: 'client-cert client-cert-chain x-client-cert x-client-dn x-client-verify', prefixes: 'x-ssl- ssl-client- x-tls-client-' },
  { source: 'proxies that authenticate: Apache httpd, oauth2-proxy, Grafana, Authelia, Authentik', other: 'remote-user remote-groups remote-name remote-email', prefixes: 'x-remote- x-auth-request- x-webauth- x-authentik-' },
  // Nobody sets it, but a CGI program takes it for its own setting HTTP_PROXY.
  { source: 'https://httpoxy.org', other: 'proxy' },
];

/** Turn a request into another one at some origins, while the cache sees a GET or QUERY. */
export const METHOD_OVERRIDES: ReadonlySet<string> = new Set(['x-http-method-override', 'x-http-method', 'x-method-override']);

const ABOUT_URL: ReadonlySet<string> = new Set(TABLE.flatMap(({ aboutUrl }) => words(aboutUrl)));

export const FROM_PROXIES: ReadonlySet<string> = new Set([...ABOUT_URL, ...TABLE.flatMap(({ other }) => words(other))]);
export const FROM_PROXIES_PREFIXES: readonly string[] = TABLE.flatMap(({ prefixes }) => words(prefixes));

const STARTS = new RegExp(`^(?:${FROM_PROXIES_PREFIXES.join('|')})`);

/** @param plain see plainName() of http/fields */
export function isFromProxies(plain: string): boolean {
  return FROM_PROXIES.has(plain) || STARTS.test(plain);
}

/** @param plain see plainName() of http/fields */
export function tellsOfUrl(plain: string): boolean {
  return ABOUT_URL.has(plain);
}

function words(list = ''): string[] {
  return list === '' ? [] : list.split(' ');
}

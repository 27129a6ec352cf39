/**
 * @module cache/packed-words
 * The names and values that most responses have, by their places: stored responses name them so.
 * New ones, names too, go to the end of VALUES, and none is ever moved or taken out: what is stored
 * would be read as another. The first 31 take one byte, all others two.
 */

const NAMES = [
  'Date', 'Content-Type', 'Content-Length', 'Cache-Control', 'ETag', 'Last-Modified', 'Vary', 'Server', 'Expires', 'Accept-Ranges',
  'Content-Encoding', 'Age', 'Access-Control-Allow-Origin', 'X-Powered-By', 'Strict-Transport-Security',
];

const FURTHER_NAMES = [
  'Via', 'Link', 'Content-Language', 'Content-Disposition', 'Content-Security-Policy', 'Content-Location', 'Location', 'Pragma', 'Set-Cookie', 'Allow', 'Alt-Svc',
  'Access-Control-Allow-Credentials', 'Access-Control-Allow-Headers', 'Access-Control-Allow-Methods', 'Access-Control-Expose-Headers', 'Access-Control-Max-Age',
  'Cache-Status', 'Cache-Tag', 'Surrogate-Key', 'Surrogate-Control', 'CDN-Cache-Control', 'xkey', 'Cross-Origin-Embedder-Policy', 'Cross-Origin-Opener-Policy',
  'Cross-Origin-Resource-Policy', 'Permissions-Policy', 'Referrer-Policy', 'Timing-Allow-Origin', 'Server-Timing', 'X-Cache', 'X-Cache-Hits', 'X-Content-Type-Options',
  'X-DNS-Prefetch-Control', 'X-Download-Options', 'X-Frame-Options', 'X-Permitted-Cross-Domain-Policies', 'X-Ratelimit-Limit', 'X-Ratelimit-Remaining',
  'X-Ratelimit-Reset', 'X-Request-Id', 'X-Runtime', 'X-Served-By', 'X-Timer', 'X-XSS-Protection', 'NEL', 'Report-To', 'Reporting-Endpoints', 'Origin-Agent-Cluster',
];

const VALUES = [
  'bytes', 'gzip', 'br', 'zstd', 'identity', '*', 'Accept-Encoding', 'accept-encoding', 'Accept', 'Origin', 'Cookie', 'Accept-Language', 'Authorization', 'Accept-Encoding, Origin', 'Origin, Accept-Encoding',
  'text/html', 'text/html; charset=utf-8', 'text/html; charset=UTF-8', 'text/html;charset=utf-8', 'text/plain', 'text/plain; charset=utf-8', 'text/css', 'text/css; charset=utf-8',
  'text/javascript', 'text/javascript; charset=utf-8', 'application/javascript', 'application/javascript; charset=utf-8', 'application/json', 'application/json; charset=utf-8', 'application/octet-stream',
  'application/xml', 'application/pdf', 'application/wasm', 'font/woff', 'font/woff2', 'image/avif', 'image/gif', 'image/jpeg', 'image/png', 'image/svg+xml', 'image/webp', 'image/x-icon',
  'video/mp4', 'audio/mpeg', 'application/vnd.apple.mpegurl', 'video/mp2t',
  'public', 'no-cache', 'max-age=0', 'max-age=60', 'max-age=300', 'max-age=600', 'max-age=3600', 'max-age=86400', 'max-age=604800', 'max-age=31536000', 'public, max-age=0', 'public, max-age=60',
  'public, max-age=300', 'public, max-age=600', 'public, max-age=3600', 'public, max-age=14400', 'public, max-age=86400', 'public, max-age=604800', 'public, max-age=2592000', 'public, max-age=31536000',
  'public, max-age=31536000, immutable', 'public, max-age=0, must-revalidate', 'max-age=31536000, immutable', 's-maxage=31536000, stale-while-revalidate',
  'nginx', 'Apache', 'cloudflare', 'Microsoft-IIS/10.0', 'Express', 'Next.js', 'PHP/8.3', 'Werkzeug', 'gunicorn', 'uvicorn', 'Caddy', 'envoy', 'AmazonS3', 'LiteSpeed', 'Jetty',
  'nosniff', 'DENY', 'SAMEORIGIN', '1; mode=block', '0', 'noopen', 'none', 'off', 'on', 'true', 'same-origin', 'cross-origin', 'no-referrer', 'strict-origin-when-cross-origin', 'GET, HEAD, OPTIONS',
  'max-age=31536000; includeSubDomains', 'max-age=63072000; includeSubDomains; preload', 'en', 'en-US', 'de', 'fr', 'es', 'ja', 'zh-CN', 'GET', 'HEAD', 'POST', 'QUERY',
];

const lowerCase = (names: readonly string[]): string[] => names.map((name) => name.toLowerCase());

export const WORDS: readonly string[] = [...NAMES, ...lowerCase(NAMES), ...new Set([...FURTHER_NAMES, ...lowerCase(FURTHER_NAMES)]), ...VALUES];

/**
 * @module http/html-page
 * The small pages that come from Millrace itself.
 */

/** @param content HTML */
export function htmlPage(title: string, content: string): Buffer {
  return Buffer.from(`<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${escapeHtml(title)}</title>
<style>
  :root { color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif }
  body { max-width: 40rem; margin: 15vh auto; padding: 0 1rem }
  p { overflow-wrap: anywhere }
  footer { opacity: .7; font-size: .875rem }
</style>
<h1>${escapeHtml(title.replace(/^\d{3} /, ''))}</h1>
${content}</html>
`);
}

export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`);
}

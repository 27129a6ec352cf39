/**
 * @module http/field-bytes
 * Which bytes a field line consists of, as tables for recognisers that read bytes.
 */
/** By byte: the character of a token in lower case; 0 for any other. https://www.rfc-editor.org/rfc/rfc9110.html#section-5.6.2 */
export const TOKEN_BYTES: Uint8Array = Uint8Array.from({ length: 256 }, (_, byte) => {
  const character = String.fromCharCode(byte);
  return /[\w!#$%&'*+.^`|~-]/.test(character) ? character.toLowerCase().charCodeAt(0) : 0;
});

/** By byte: 1 where a field value may have it. https://www.rfc-editor.org/rfc/rfc9110.html#section-5.5 */
export const VALUE_BYTES: Uint8Array = Uint8Array.from({ length: 256 }, (_, byte) => (byte === 0x09 || (byte >= 0x20 && byte !== 0x7f) ? 1 : 0));

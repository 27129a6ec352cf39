/**
 * @module scripts/import-direction
 * The lint rule behind the picture in ARCHITECTURE.md: the folders and files directly under src/
 * stand in layers, and each imports only from the layers before its own. Tests may import anything.
 *
 * The option `layers` names them in order; those that share a layer do not import each other.
 */
import { dirname, relative, resolve, sep } from 'node:path';

interface Source {
  readonly value: unknown;
}

interface ImportNode {
  readonly source?: Source | null;
}

type Layers = readonly (readonly string[])[];

interface RuleContext {
  readonly filename: string;
  readonly cwd: string;
  /** As .oxlintrc.json gives them. */
  readonly options: readonly [{ readonly layers: Layers }];
  report(problem: { node: ImportNode; message: string }): void;
}

/**
 * What is wrong with `file` importing `specifier`, or undefined where it is allowed.
 * Paths as the system writes them; only relative specifiers are judged.
 */
export function wrongDirection(src: string, file: string, specifier: string, layers: Layers): string | undefined {
  if (!specifier.startsWith('.') || file.endsWith('.test.ts')) return undefined;
  const from = unitOf(src, file);
  if (from === undefined) return undefined;
  const target = resolve(dirname(file), specifier);
  if (relative(dirname(src), target) === 'package.json') return undefined;
  const to = unitOf(src, target);
  if (to === undefined) return `src/ is published alone and cannot import ${specifier} from outside of it.`;
  if (from === to) return undefined;
  const fromLayer = layers.findIndex((layer) => layer.includes(from));
  const toLayer = layers.findIndex((layer) => layer.includes(to));
  const stray = fromLayer < 0 ? from : toLayer < 0 ? to : undefined;
  if (stray !== undefined) return `src/${stray} stands in no layer: give it its place in .oxlintrc.json and ARCHITECTURE.md.`;
  if (toLayer < fromLayer) return undefined;
  return `${from} must not import from ${to}: it may only use ${layers.slice(0, fromLayer).flat().join(', ') || 'nothing'}.`;
}

/** The folder, or the file without its ending, directly under src/ that the path belongs to. */
function unitOf(src: string, path: string): string | undefined {
  const [first] = relative(src, path).split(sep);
  return first === undefined || first === '' || first === '..' ? undefined : first.replace(/\.ts$/, '');
}

interface Rule {
  readonly meta: { readonly type: string; readonly schema: readonly object[] };
  create(context: RuleContext): Record<string, (node: ImportNode) => void>;
}

const importDirection: Rule = {
  meta: { type: 'problem', schema: [{ type: 'object' }] },
  create(context) {
    const { layers } = context.options[0];
    const check = (node: ImportNode): void => {
      const specifier = node.source?.value;
      if (typeof specifier !== 'string') return;
      const message = wrongDirection(resolve(context.cwd, 'src'), context.filename, specifier, layers);
      if (message !== undefined) context.report({ node, message });
    };
    return { ImportDeclaration: check, ImportExpression: check, ExportNamedDeclaration: check, ExportAllDeclaration: check };
  },
};

interface Plugin {
  readonly meta: { readonly name: string };
  readonly rules: Readonly<Record<string, Rule>>;
}

const plugin: Plugin = { meta: { name: 'millrace' }, rules: { 'import-direction': importDirection } };
export default plugin;

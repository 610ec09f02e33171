/** The project's own source files as text, for the tests that hold its rules. */
import { globSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The folder of the project. */
export const root = join(dirname(fileURLToPath(import.meta.url)), '../../..')

export interface Import {
  /** As written, or for a relative one the path from the project's folder. */
  target: string
  relative: boolean
  /** Types only: gone before the program runs. */
  typeOnly: boolean
  /** `export … from`. */
  reexport: boolean
}

export interface Source {
  /** From the project's folder, with slashes. */
  path: string
  text: string
  /** The text with whole-line comments and trailing `//` comments blanked; line numbers stay. */
  code: string
  imports: Import[]
}

/** What runs in production: the worker, what it shares with the deployment, and the deployment's own programs. */
export const productFolders = ['shared', 'worker', 'deploy']

/** Every TypeScript and JavaScript file below the folders, sorted by path. */
export function readSources(folders: string[]): Source[] {
  return folders
    .flatMap((folder) => globSync(`${folder}/**/*.{ts,mjs,cjs}`, { cwd: root }))
    .filter((path) => !path.includes('node_modules'))
    .sort()
    .map(readSource)
}

export function readSource(path: string): Source {
  const text = readFileSync(join(root, path), 'utf8')
  const code = withoutComments(text)
  return { path, text, code, imports: [...findImports(path, code)] }
}

/** `path:line` of each match, with the matched text. */
export function findInCode(source: Source, pattern: RegExp): string[] {
  const lines = source.code.split('\n')
  return lines.flatMap((line, index) => {
    const match = pattern.exec(line)
    return match === null ? [] : [`${source.path}:${index + 1} ${match[0].trim()}`]
  })
}

function withoutComments(text: string): string {
  return text
    .split('\n')
    .map((line) => (/^\s*(\/\/|\/\*|\*)/.test(line) ? '' : line.replace(/\s\/\/ .*$/, '')))
    .join('\n')
}

function* findImports(path: string, code: string): Generator<Import> {
  const statement = /^(import|export)\s+(type\s+)?(?:[^'"`;]*?\sfrom\s+)?'([^']+)'/gm
  const dynamic = /\bimport\(\s*'([^']+)'\s*\)/g
  for (const [, word, type, target] of code.matchAll(statement)) {
    if (target === undefined) continue
    yield resolveImport(path, target, type !== undefined, word === 'export')
  }
  for (const [, target] of code.matchAll(dynamic)) {
    if (target !== undefined) yield resolveImport(path, target, false, false)
  }
}

function resolveImport(from: string, written: string, typeOnly: boolean, reexport: boolean): Import {
  const relative = written.startsWith('.')
  const target = relative ? normalize(join(dirname(from), written)) : written
  return { target, relative, typeOnly, reexport }
}

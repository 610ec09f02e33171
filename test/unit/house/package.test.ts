/** package.json and package-lock.json: what a fresh clone installs, and by which commands. */
import { existsSync, globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from '@jest/globals'
import { readSources, root } from './sources.ts'

interface LockEntry {
  version: string
  resolved?: string
  optionalDependencies?: Record<string, string>
}

const read = (name: string) => JSON.parse(readFileSync(join(root, name), 'utf8'))
const manifest = read('package.json')
const locked: Record<string, LockEntry> = read('package-lock.json').packages

describe('the lock', () => {
  test('names no address, so that npm asks the registry it is set up for', () => {
    expect(Object.keys(locked).filter((path) => locked[path]?.resolved !== undefined)).toEqual([])
  })

  test('holds every platform of a package that has one per platform, else npm ci refuses it', () => {
    const names = Object.keys(locked).map((path) => path.replace(/^.*node_modules\//, ''))
    const absent = Object.values(locked)
      .flatMap((entry) => Object.keys(entry.optionalDependencies ?? {}))
      .filter((name) => !names.includes(name))
    expect(absent).toEqual([])
  })

  test('agrees with package.json, whose versions are exact', () => {
    const wanted: Record<string, string> = { ...manifest.dependencies, ...manifest.devDependencies }
    for (const [name, version] of Object.entries(wanted)) {
      expect({ name, version: locked[`node_modules/${name}`]?.version }).toEqual({ name, version })
    }
  })
})

describe('package.json', () => {
  // Used by their command or by their types, not by an import.
  const programs = ['@biomejs/biome', 'jest', 'typescript']
  const typesOf = (name: string) => name.startsWith('@types/')
  const imported = (folders: string[]) =>
    new Set(
      readSources(folders)
        .flatMap((source) => source.imports.filter((each) => !each.relative).map((each) => each.target))
        .map((target) => target.split('/', target.startsWith('@') ? 2 : 1).join('/')),
    )

  test('names only packages that something uses', () => {
    const used = imported(['shared', 'worker', 'deploy', 'test'])
    const text = readSources(['shared', 'test'])
      .map((source) => source.code)
      .join('\n')
    const names = [...Object.keys(manifest.dependencies), ...Object.keys(manifest.devDependencies)]
    const unused = names.filter((name) => !used.has(name) && !programs.includes(name) && !typesOf(name))
    // hls.js is sent to the browser and pino-pretty loaded when it is there: both by name in a string.
    expect(unused.filter((name) => !text.includes(`'${name}`))).toEqual([])
  })

  test('has every package that the worker imports among its dependencies, not its development ones', () => {
    const builtIn = (name: string) => name.startsWith('node:')
    const missing = [...imported(['shared', 'worker'])].filter(
      (name) => !builtIn(name) && !(name in manifest.dependencies),
    )
    expect(missing).toEqual([])
  })

  test('has scripts whose files exist', () => {
    const files = Object.values<string>(manifest.scripts)
      .flatMap((script) => script.split(' '))
      .filter((word) => /\.(ts|mjs)$/.test(word))
    expect(files.filter((path) => !existsSync(join(root, path)))).toEqual([])
  })
})

test('shell scripts are executable and stop at an unset variable', () => {
  const scripts = ['.ci/run', ...globSync('deploy/**/*.sh', { cwd: root })]
  for (const path of scripts) expect(readFileSync(join(root, path), 'utf8')).toMatch(/^set -\w*u/m)
})

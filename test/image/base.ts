import { cpSync, existsSync, mkdirSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Engine } from './engine.ts'
import { runTool } from './tool.ts'

/** What the Dockerfile's bases are replaced by. */
export const standIns = { debian: 'localhost/stand-in-debian', node: 'localhost/stand-in-node' }

const certificates = '/etc/ssl/certs/ca-certificates.crt'

/**
 * Stand-ins for debian:trixie-slim and node:24-trixie-slim, where no registry of images is at hand: Debian's own minimal
 * system by debootstrap, and in the second this machine's Node and npm. Both trust whom this machine trusts.
 */
export async function makeBases(engine: Engine, work: string, signal: AbortSignal): Promise<void> {
  // Made anew they would be other images, and nothing that was built on them could be used again.
  const { code } = await engine.tryPodman(['image', 'exists', standIns.node])
  if (code === 0) return
  const root = join(work, 'debian')
  const logFile = join(work, 'base.log')
  const run = (...words: string[]) => runTool(words, { signal, logFile })
  const tar = join(work, 'debian.tar')
  if (!existsSync(tar)) {
    const archive = await debianArchive()
    const sources = ['trixie', 'trixie-updates']
      .map((suite) => `deb ${archive} ${suite} main`)
      .concat(`deb ${archive}-security trixie-security main`)
    await run('rm', '-rf', root)
    await run('debootstrap', '--variant=minbase', '--include=ca-certificates', 'trixie', root, archive)
    writeFileSync(join(root, 'etc/apt/sources.list'), `${sources.join('\n')}\n`)
    cpSync(certificates, join(root, certificates.slice(1)))
    // As the official slim image: no documentation, no lists, no downloads.
    const excess = [
      'usr/share/doc',
      'usr/share/man',
      'usr/share/locale',
      'var/lib/apt/lists',
      'var/cache/apt',
    ]
    await run('rm', '-rf', ...excess.map((path) => join(root, path)))
    mkdirSync(join(root, 'var/lib/apt/lists/partial'), { recursive: true })
    mkdirSync(join(root, 'var/cache/apt/archives/partial'), { recursive: true })
    await run('tar', '-C', root, '-cf', `${tar}.half`, '.')
    await run('mv', `${tar}.half`, tar)
  }
  await engine.podman(['import', tar, standIns.debian])

  const node = join(work, 'node')
  await run('rm', '-rf', node)
  mkdirSync(join(node, 'usr/local/lib/node_modules'), { recursive: true })
  mkdirSync(join(node, 'usr/local/bin'))
  mkdirSync(join(node, 'usr/local/etc'))
  cpSync(realpathSync(process.execPath), join(node, 'usr/local/bin/node'))
  const npm = realpathSync(await run('sh', '-c', 'command -v npm'))
  cpSync(dirname(dirname(npm)), join(node, 'usr/local/lib/node_modules/npm'), { recursive: true })
  symlinkSync('../lib/node_modules/npm/bin/npm-cli.js', join(node, 'usr/local/bin/npm'))
  const registry = (await run('npm', 'config', 'get', 'registry')).split('\n').at(-1)
  writeFileSync(join(node, 'usr/local/etc/npmrc'), `registry=${registry}\ncafile=${certificates}\n`)
  writeFileSync(join(node, 'Containerfile'), `FROM ${standIns.debian}\nCOPY usr /usr\n`)
  await engine.buildah(['bud', '--pull-never', '--format', 'docker', '-t', standIns.node, node])
}

/** Where this machine has its own packages from: its apt can reach that. */
async function debianArchive(): Promise<string> {
  const lists = ['/etc/apt/sources.list']
  for (const name of await readdir('/etc/apt/sources.list.d'))
    lists.push(join('/etc/apt/sources.list.d', name))
  const texts = await Promise.all(lists.map((path) => readFile(path, 'utf8').catch(() => '')))
  const found = /^(?:deb |URIs:).*?(https?:\/\/\S+\/debian)\/?(?=\s|$)/m.exec(texts.join('\n'))?.[1]
  if (found === undefined) throw new Error('apt of this machine names no archive of Debian: use --registry')
  return found
}

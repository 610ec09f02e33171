/**
 * What a tool may do beyond its limits: the words that put it into its own view of the machine. Which parts work
 * here is tried at boot (worker/boot-sandbox.ts); a run then gets all of those, or none.
 */

/** From the outside in. */
export const sandboxParts = ['network', 'processes', 'files', 'user', 'privileges', 'limits'] as const
export type SandboxPart = (typeof sandboxParts)[number]

/** The parts that are in force, each with what it needs. */
export interface Sandbox {
  /** A network of its own, in which the worker's source server listens and nothing else: `/proc/…/fd/…` of it. */
  readonly network?: string
  /** Sees and signals no process but itself. */
  readonly processes?: true
  /** A root of its own: programs and libraries, read-only, and the folder of the run. */
  readonly files?: FileView
  /** Numeric; owns nothing but the folder of the run. */
  readonly user?: number
  /** No capabilities, and none to be had by starting another program. */
  readonly privileges?: true
  /** Processes and threads of `user`; 0 = no limit. */
  readonly maxProcesses?: number
}

export interface FileView {
  /** Mount point of the new root; the worker sees it empty. */
  readonly root: string
  /** An fstab(5) of what is in it. */
  readonly table: string
}

/** The one folder of the job that a run sees. */
export interface RunFolder {
  /** Absolute. */
  readonly path: string
  readonly writable: boolean
}

/**
 * Mounts the new root where nobody else sees it, and the run’s one folder at its usual path. It runs as root in a
 * namespace of its own, before anything of the file has been read.
 */
const mountScript = [
  'set -e',
  'root=$1 table=$2 dir=$3 access=$4',
  'shift 4',
  'mount --all --fstab "$table"',
  'mount --bind -o "$access,nosuid,nodev,X-mount.mkdir" "$dir" "$root$dir"',
  'exec "$@"',
].join('\n')

/**
 * The words before a command, outermost first; each replaces itself by the next, but for `unshare --fork`, which stays
 * X
 */
export function sandboxWords(sandbox: Sandbox, folder: RunFolder): string[] {
  const { network, processes, files, user, privileges } = sandbox
  const words: string[] = []
  if (network) words.push('nsenter', `--net=${network}`, '--')
  if (processes || files) {
    words.push('unshare')
    if (files) words.push('--mount', '--propagation', 'private')
    if (processes) words.push('--ipc', '--uts', '--pid', '--fork', '--kill-child=KILL')
    words.push('--')
  }
  if (files) {
    words.push('sh', '-c', mountScript, 'sandbox', files.root, files.table)
    words.push(folder.path, folder.writable ? 'rw' : 'ro')
    words.push('unshare', `--root=${files.root}`, `--wd=${folder.path}`, '--')
  }
  if (user || privileges) {
    words.push('setpriv')
    if (user) words.push(`--reuid=${user}`, `--regid=${user}`, '--clear-groups')
    if (privileges) words.push('--bounding-set=-all', '--inh-caps=-all', '--no-new-privs')
    // Again: a change of user makes the kernel forget it.
    words.push('--pdeathsig', 'KILL')
  }
  return words
}

/** Folders of the system that a program needs, where they are. Without /proc, /home, /var, /tmp and most of /etc. */
const systemFolders = ['/usr', '/bin', '/sbin', '/lib', '/lib32', '/lib64', '/libx32', '/etc/alternatives']
/** How many processors there are, for thread counts. */
const machineFolders = ['/sys/devices/system']
const devices = ['/dev/null', '/dev/urandom']

/**
 * The fstab of a new root. skeleton: a folder with `etc` and `dev` (an empty file a device); extra: folders of programs
 * elsewhere; there: whether a path is on this machine.
 */
export function mountTable(
  root: string,
  skeleton: string,
  extra: readonly string[],
  there: (path: string) => boolean,
): string {
  const line = (source: string, target: string, type: string, options: string) =>
    `${escaped(source)} ${escaped(root + target)} ${type} ${options} 0 0`
  const readOnly = 'bind,ro,nosuid,X-mount.mkdir'
  const folders = [...systemFolders, ...machineFolders, ...extra].filter(there)
  return [
    line('sandbox', '', 'tmpfs', 'size=1m,mode=755,nosuid,nodev'),
    line(`${skeleton}/etc`, '/etc', 'none', readOnly),
    line(`${skeleton}/dev`, '/dev', 'none', readOnly),
    ...devices.filter(there).map((device) => line(device, device, 'none', 'bind')),
    ...folders.map((folder) => line(folder, folder, 'none', readOnly)),
    '',
  ].join('\n')
}

/** fstab(5) takes white space as octal. */
function escaped(path: string): string {
  return path.replace(/[\\\s]/g, (one) => `\\${one.charCodeAt(0).toString(8).padStart(3, '0')}`)
}

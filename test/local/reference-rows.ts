import { randomBytes } from 'node:crypto'
import { DatabaseSync } from 'node:sqlite'

/** What the product keeps of a video. */
export interface VideoRow {
  readonly id: number
  readonly tenantId: number
  readonly fileKey: string
  readonly jobId: string
  /** PENDING, PROCESSING, READY, FAILED or DEAD. */
  readonly status: string
  readonly hlsPath: string | null
  readonly thumbnailPath: string | null
  readonly storyboardPath: string | null
  /** Whole seconds. */
  readonly duration: number | null
  readonly errorReason: string | null
  readonly errorCode: string | null
  /** The whole body of the last complete call, JSON. */
  readonly details: string | null
  /** Only this worker may report, when set: anybody else gets 409. */
  readonly owner: string | null
}

export interface ContentRow {
  readonly id: number
  readonly title: string
  readonly description: string
  readonly ageRating: string
}

export interface AssetRow {
  readonly contentId: number
  readonly videoUrl: string
  readonly thumbnailUrl: string
  readonly hlsUrl: string
  readonly duration: number
}

const schema = `
  CREATE TABLE IF NOT EXISTS videos (
    id INTEGER PRIMARY KEY, tenantId INTEGER NOT NULL, fileKey TEXT NOT NULL, jobId TEXT NOT NULL DEFAULT '',
    status TEXT NOT NULL DEFAULT 'PENDING', hlsPath TEXT, thumbnailPath TEXT, storyboardPath TEXT,
    duration INTEGER, errorReason TEXT, errorCode TEXT, details TEXT, owner TEXT
  );
  CREATE TABLE IF NOT EXISTS contents (
    id INTEGER PRIMARY KEY, title TEXT NOT NULL, description TEXT NOT NULL, ageRating TEXT NOT NULL
  );
  CREATE TABLE IF NOT EXISTS video_assets (
    contentId INTEGER PRIMARY KEY, videoUrl TEXT NOT NULL, thumbnailUrl TEXT NOT NULL, hlsUrl TEXT NOT NULL,
    duration INTEGER NOT NULL
  );
  CREATE TABLE IF NOT EXISTS video_keys (jobId TEXT PRIMARY KEY, key TEXT NOT NULL);
  CREATE TABLE IF NOT EXISTS answered (idempotencyKey TEXT PRIMARY KEY, answer TEXT NOT NULL);
`

/** The rows of the reference API, in memory or in a file. */
export class ReferenceRows {
  readonly #db: DatabaseSync

  constructor(path = ':memory:') {
    this.#db = new DatabaseSync(path)
    this.#db.exec(schema)
  }

  /** A new video, or the one with this id; its row is there before any message is sent (lesson 12). */
  addVideo(video: { id?: number; tenantId: number; fileKey: string; jobId?: string }): VideoRow {
    const insert = this.#db.prepare(
      'INSERT INTO videos (id, tenantId, fileKey, jobId) VALUES (?, ?, ?, ?) ' +
        'ON CONFLICT (id) DO UPDATE SET tenantId = excluded.tenantId, fileKey = excluded.fileKey, jobId = excluded.jobId',
    )
    const { lastInsertRowid } = insert.run(video.id ?? null, video.tenantId, video.fileKey, video.jobId ?? '')
    return this.video(video.id ?? Number(lastInsertRowid))!
  }

  video(id: number): VideoRow | undefined {
    return this.#db.prepare('SELECT * FROM videos WHERE id = ?').get(id) as VideoRow | undefined
  }

  videoOfJob(jobId: string): VideoRow | undefined {
    return this.#db.prepare('SELECT * FROM videos WHERE jobId = ?').get(jobId) as VideoRow | undefined
  }

  videos(): VideoRow[] {
    return this.#db.prepare('SELECT * FROM videos ORDER BY id').all() as unknown as VideoRow[]
  }

  updateVideo(id: number, change: Partial<Omit<VideoRow, 'id'>>): void {
    const names = Object.keys(change)
    if (names.length === 0) return
    // Names are of our own type, never from a request.
    const assignments = names.map((name) => `${name} = ?`).join(', ')
    const values = Object.values(change) as (string | number | null)[]
    this.#db.prepare(`UPDATE videos SET ${assignments} WHERE id = ?`).run(...values, id)
  }

  deleteVideo(id: number): void {
    this.#db.prepare('DELETE FROM videos WHERE id = ?').run(id)
  }

  upsertContent(id: number | undefined, title: string, description: string, ageRating: string): ContentRow {
    const { lastInsertRowid } = this.#db
      .prepare(
        'INSERT INTO contents (id, title, description, ageRating) VALUES (?, ?, ?, ?) ON CONFLICT (id) DO UPDATE ' +
          'SET title = excluded.title, description = excluded.description, ageRating = excluded.ageRating',
      )
      .run(id ?? null, title, description, ageRating)
    return this.contents().find((row) => row.id === (id ?? Number(lastInsertRowid)))!
  }

  contents(): ContentRow[] {
    return this.#db.prepare('SELECT * FROM contents ORDER BY id').all() as unknown as ContentRow[]
  }

  upsertAsset(asset: AssetRow): void {
    const { contentId, videoUrl, thumbnailUrl, hlsUrl, duration } = asset
    this.#db
      .prepare('INSERT OR REPLACE INTO video_assets VALUES (?, ?, ?, ?, ?)')
      .run(contentId, videoUrl, thumbnailUrl, hlsUrl, duration)
  }

  assets(): AssetRow[] {
    return this.#db.prepare('SELECT * FROM video_assets ORDER BY contentId').all() as unknown as AssetRow[]
  }

  /** The key of a job's segments, 16 bytes in base64: a new one when it has none yet. */
  videoKey(jobId: string): string {
    const made = randomBytes(16).toString('base64')
    this.#db.prepare('INSERT OR IGNORE INTO video_keys VALUES (?, ?)').run(jobId, made)
    return this.keyOf(jobId)!
  }

  keyOf(jobId: string): string | undefined {
    const row = this.#db.prepare('SELECT key FROM video_keys WHERE jobId = ?').get(jobId)
    return row === undefined ? undefined : String(row.key)
  }

  forgetKey(jobId: string): void {
    this.#db.prepare('DELETE FROM video_keys WHERE jobId = ?').run(jobId)
  }

  /** The answer already given under this key, or undefined. */
  answered(key: string): object | undefined {
    const row = this.#db.prepare('SELECT answer FROM answered WHERE idempotencyKey = ?').get(key)
    return row === undefined ? undefined : (JSON.parse(String(row.answer)) as object)
  }

  remember(key: string, answer: object): void {
    this.#db.prepare('INSERT OR IGNORE INTO answered VALUES (?, ?)').run(key, JSON.stringify(answer))
  }

  close(): void {
    this.#db.close()
  }
}

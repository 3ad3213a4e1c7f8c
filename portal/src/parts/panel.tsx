import type { UseQueryResult } from '@tanstack/react-query'
import { type ReactNode, useId } from 'react'
import { asTrouble, type Trouble } from '../api/problem'
import { useNow } from '../store/now'
import { span } from '../words/format'
import { Glyph } from './state'

/** What a panel shows, and how it stands with it. */
export interface Source<T> {
  /** What was told last; undefined before anything was. */
  readonly data: T | undefined
  readonly trouble: Trouble | null
  /** When it was told, by this browser's clock; 0 where it never was. */
  readonly at: number
  readonly again: () => void
}

export function sourceOf<T>(query: UseQueryResult<T>): Source<T> {
  return {
    data: query.data,
    trouble: query.error ? asTrouble(query.error) : null,
    at: query.dataUpdatedAt,
    again: () => void query.refetch(),
  }
}

interface PanelProps<T> {
  readonly title: ReactNode
  readonly source: Source<T>
  /** Beside the title. */
  readonly acts?: ReactNode
  /** Whether there is nothing to show, and what then is to be done next. */
  readonly empty?: (data: T) => ReactNode | null
  /** What is missing of the data; nothing where it is whole. */
  readonly partial?: (data: T) => ReactNode | null
  /** What of it is old though the server answered, because what it rests on did not. */
  readonly stale?: (data: T) => ReactNode | null
  /** How much of it is shown, where that is not all. */
  readonly truncated?: (data: T) => ReactNode | null
  readonly flush?: boolean
  /** Whether what is old or missing is told in whole above it already: a mark beside the title is enough then. */
  readonly brief?: boolean
  /** Whether more is still to come of what is shown. */
  readonly busy?: boolean
  readonly children: (data: T) => ReactNode
}

/**
 * A piece of a screen with data of its own. It looks different while it loads, where there is nothing, where it failed,
 * where it is old, where something is missing, and where it is cut; it never shows a number that was not told.
 */
export function Panel<T>({ title, source, acts, flush = false, brief = false, busy = false, ...shows }: PanelProps<T>) {
  const id = useId()
  return (
    <section className="panel" aria-labelledby={id} aria-busy={(source.data === undefined || busy) && !source.trouble}>
      <header>
        <h2 id={id}>{title}</h2>
        <span className="grow" />
        {brief && source.data !== undefined && <Marks source={source} old={shows.stale?.(source.data)} missing={shows.partial?.(source.data)} />}
        {acts}
      </header>
      <Inside source={source} flush={flush} {...shows} {...(brief ? { brief } : {})} />
    </section>
  )
}

function Inside<T>({ source, empty, partial, stale, truncated, flush, brief, children }: Omit<PanelProps<T>, 'title' | 'acts' | 'busy'>) {
  const { data, trouble } = source
  if (data === undefined) return trouble ? <Failed trouble={trouble} again={source.again} /> : <Skeleton />
  const nothing = empty?.(data)
  const missing = partial?.(data)
  const cut = truncated?.(data)
  const old = stale?.(data)
  return (
    <>
      {trouble && !brief && <Stale source={source} trouble={trouble} />}
      {(old || missing) && !brief && (
        <div className="note rests">
          {old && (
            <span className="state tone-wait" data-state="stale">
              <Glyph shape="half" tone="wait" />
              <span>{old}</span>
            </span>
          )}
          {missing && (
            <span className="state tone-wait" data-state="partial">
              <Glyph shape="dash" tone="wait" />
              <span>{missing}</span>
            </span>
          )}
        </div>
      )}
      {cut && (
        <div className="note" data-state="truncated">
          {cut}
        </div>
      )}
      {nothing ? (
        <div className="empty" data-state="empty">
          {nothing}
        </div>
      ) : (
        <div className={flush ? 'body flush' : 'body'}>{children(data)}</div>
      )}
    </>
  )
}

/** That some of it is old, or missing, in a word; its tool tip has the sentence. */
function Marks({ source: { trouble, at }, old: told, missing }: { source: Source<unknown>; old: ReactNode; missing: ReactNode }) {
  const now = useNow(1000)
  const old = trouble ? trouble.what : told
  return (
    <>
      {old && (
        <span className="age state tone-wait" data-state="stale" title={typeof old === 'string' ? old : undefined}>
          <Glyph shape="half" tone="wait" />
          {trouble ? `${span(now - at)} old` : 'some is old'}
        </span>
      )}
      {missing && (
        <span className="age state tone-wait" data-state="partial" title={typeof missing === 'string' ? missing : undefined}>
          <Glyph shape="dash" tone="wait" />
          not all
        </span>
      )}
    </>
  )
}

export function Skeleton({ lines = 4 }: { lines?: number }) {
  return (
    <div data-state="loading" role="status">
      <span className="hidden-text">Loading</span>
      {Array.from({ length: lines }, (_, number) => (
        <div className="skeleton" key={number} />
      ))}
    </div>
  )
}

export function Failed({ trouble, again }: { trouble: Trouble; again?: () => void }) {
  return (
    <div className="trouble" data-state="error" role="alert">
      <strong>{trouble.what}</strong>
      {trouble.why && <span>{trouble.why}</span>}
      {trouble.fix && !(again && trouble.fix === 'ask again') && <span className="faint">{trouble.fix}</span>}
      {trouble.requestId && <span className="faint mono">request {trouble.requestId}</span>}
      {again && (
        <button type="button" className="act" onClick={again}>
          Ask again
        </button>
      )}
    </div>
  )
}

function Stale({ source, trouble }: { source: Source<unknown>; trouble: Trouble }) {
  const now = useNow(1000)
  return (
    <div className="note bad" data-state="stale">
      <span>
        {span(now - source.at)} old: {trouble.what}
      </span>
      <button type="button" className="act plain" onClick={source.again}>
        Ask again
      </button>
    </div>
  )
}

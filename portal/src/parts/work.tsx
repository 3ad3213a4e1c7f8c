import { Link } from '@tanstack/react-router'
import { useSyncExternalStore } from 'react'
import { workNamed } from '../answers/work_name'
import { useLive } from '../store/live'

/** What was submitted: its name first, for that is what people know it by; a job that may be looked at is a link to it. Brief is without its id, or its kind. */
export function Work({ of, brief = false }: { of: string | null; brief?: boolean }) {
  const { kind, name, job } = workNamed(of ?? '')
  const { jobs } = useLive()
  const known = useSyncExternalStore(jobs.subscribe, () => job !== null && jobs.get(job) !== undefined)
  return (
    <>
      {job !== null && known ? (
        <Link to="/jobs/$id" params={{ id: job }}>
          {name}
        </Link>
      ) : (
        name
      )}
      {!brief && (job ?? kind) && <span className="faint roomy wide"> {job ?? kind}</span>}
    </>
  )
}

/** Whom something belongs to: what stands behind the @ is alike for most, and yields. */
export function Person({ of }: { of: string | null }) {
  const at = of?.indexOf('@') ?? -1
  if (!of || at < 1) return <>{of}</>
  return (
    <>
      {of.slice(0, at)}
      <wbr />
      <span className="faint">{of.slice(at)}</span>
    </>
  )
}

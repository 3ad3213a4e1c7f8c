import { useQuery } from '@tanstack/react-query'
import { whoami } from '../api/queries'

/** Whether whoever looks may do something; nobody may before it was told. */
export function useMay(permission: string): boolean {
  return useQuery(whoami).data?.permissions.includes(permission) ?? false
}

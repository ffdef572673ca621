import { compileCache } from './compile-cache.ts'
import { outerTemporaryFolder, temporaryFolder } from './temporary-folder.ts'

/** What programs need to find each other, their files, the network and the machine's processors. None of it is a secret of this program. */
export const inheritedNames: readonly string[] = [
  'PATH HOME USER LOGNAME SHELL TMPDIR TMP TEMP TERM TZ LANG LANGUAGE',
  'XDG_CACHE_HOME XDG_CONFIG_HOME XDG_DATA_HOME XDG_RUNTIME_DIR',
  'HTTP_PROXY HTTPS_PROXY FTP_PROXY ALL_PROXY NO_PROXY http_proxy https_proxy ftp_proxy all_proxy no_proxy',
  'SSL_CERT_FILE SSL_CERT_DIR REQUESTS_CA_BUNDLE CURL_CA_BUNDLE NODE_EXTRA_CA_CERTS',
  'LD_LIBRARY_PATH DYLD_LIBRARY_PATH NODE_OPTIONS NODE_PATH JAVA_HOME R_HOME R_LIBS',
  'PYTHONPATH PYTHONHOME VIRTUAL_ENV CONDA_PREFIX CONDA_DEFAULT_ENV PYENV_ROOT PYENV_VERSION',
  'CUDA_HOME CUDA_PATH CUDA_VISIBLE_DEVICES NVIDIA_VISIBLE_DEVICES ROCR_VISIBLE_DEVICES',
  'OMP_NUM_THREADS MKL_NUM_THREADS OPENBLAS_NUM_THREADS NUMEXPR_NUM_THREADS',
].flatMap((names) => names.split(' '))

const INHERITED: ReadonlySet<string> = new Set(inheritedNames)

/**
 * What a process that runs code of a project, or a model's, has of this process's environment: `inheritedNames` and the locale (`LC_*`).
 * Settings of Tidemill, addresses with passwords and credentials stay behind; what a definition names as a secret is given beside it.
 */
export function inheritedEnvironment(): Record<string, string> {
  const inherited = Object.entries(process.env).filter(
    (entry): entry is [string, string] =>
      entry[1] !== undefined && (INHERITED.has(entry[0]) || entry[0].startsWith('LC_')),
  )
  return { ...Object.fromEntries(inherited), ...outerTemporaryFolder() }
}

/** The same for a process of this program, which starts faster with the cache of what Node has compiled. */
export function inheritedNodeEnvironment(): Record<string, string> {
  return { ...compileCache, ...inheritedEnvironment(), ...temporaryFolder() }
}

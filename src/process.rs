//! What the process asks of the operating system, and of its allocator.

use std::{
    env,
    io::{self, BufRead as _, IsTerminal as _, Read as _, Write as _},
};

use secrecy::SecretString;
use zeroize::Zeroizing;

/// Sees to it that a crash leaves no image of the memory behind, and that other processes of the
/// same user cannot look into it: keys are in there.
#[cfg(target_os = "linux")]
pub fn keep_memory_private() -> io::Result<()> {
    use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};

    setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })?;
    Ok(set_dumpable_behavior(DumpableBehavior::NotDumpable)?)
}

/// Elsewhere the system's own settings hold.
#[cfg(not(target_os = "linux"))]
pub fn keep_memory_private() -> io::Result<()> {
    Ok(())
}

/// Without these, mimalloc keeps what was freed for a second and in pages of 2 MiB, which doubles what a burst of
/// large answers takes.
const ALLOCATOR: [(&str, &str); 2] = [("MIMALLOC_ALLOW_THP", "0"), ("MIMALLOC_PURGE_DELAY", "0")];

/// Sees to it that freed memory goes back to the system at once. The allocator reads its settings before `main`
/// and from the environment only, so the program starts itself over with them: as the same process, and once. A
/// setting that is there already is left alone. Belongs before the first thread.
#[cfg(unix)]
pub fn give_memory_back() {
    use std::os::unix::process::CommandExt as _;

    let missing: Vec<_> = ALLOCATOR.into_iter().filter(|(name, _)| env::var_os(name).is_none()).collect();
    let Ok(program) = env::current_exe() else { return };
    let mut arguments = env::args_os();
    let (false, Some(name)) = (missing.is_empty(), arguments.next()) else { return };
    // Returns only if it fails; then it goes on with what it takes.
    let _failed = std::process::Command::new(program).arg0(name).args(arguments).envs(missing).exec();
}

/// Elsewhere the allocator's own settings hold.
#[cfg(not(unix))]
pub fn give_memory_back() {}

/// Asks on the terminal. What is typed after a hidden question is not shown; where the input is no terminal, a line
/// of it is read.
///
/// # Errors
/// The terminal does not do as it is told, or the input has ended.
pub fn ask(question: &str, hidden: bool) -> io::Result<SecretString> {
    let input = io::stdin();
    let mut output = io::stderr();
    write!(output, "{question}: ")?;
    output.flush()?;
    let quiet = if hidden && input.is_terminal() { Some(Quiet::new()?) } else { None };
    let mut line = Zeroizing::new(String::new());
    let read = input.lock().take(LONGEST_LINE).read_line(&mut line);
    if quiet.is_some() {
        drop(quiet);
        writeln!(output)?;
    }
    match read? {
        0 => Err(io::ErrorKind::UnexpectedEof.into()),
        _ => Ok(SecretString::from(line.trim())),
    }
}

/// Longer than any key.
const LONGEST_LINE: u64 = 16 << 10;

/// While it lives, the terminal does not show what is typed.
#[cfg(target_os = "linux")]
struct Quiet(rustix::termios::Termios);

#[cfg(target_os = "linux")]
impl Quiet {
    fn new() -> io::Result<Self> {
        use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};

        let before = tcgetattr(io::stdin())?;
        let mut silent = before.clone();
        silent.local_modes.remove(LocalModes::ECHO);
        tcsetattr(io::stdin(), OptionalActions::Flush, &silent)?;
        Ok(Self(before))
    }
}

#[cfg(target_os = "linux")]
impl Drop for Quiet {
    fn drop(&mut self) {
        // If it fails, nothing more can be done about it.
        let _ = rustix::termios::tcsetattr(io::stdin(), rustix::termios::OptionalActions::Flush, &self.0);
    }
}

/// Elsewhere nothing hides what is typed, so nothing is asked.
#[cfg(not(target_os = "linux"))]
struct Quiet;

#[cfg(not(target_os = "linux"))]
impl Quiet {
    fn new() -> io::Result<Self> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use rustix::process::{DumpableBehavior, Resource, dumpable_behavior, getrlimit};

    #[test]
    fn no_core_dump_and_no_tracing() {
        super::keep_memory_private().unwrap();
        assert_eq!(getrlimit(Resource::Core).maximum, Some(0));
        assert_eq!(dumpable_behavior().unwrap(), DumpableBehavior::NotDumpable);
    }
}

//! Two bugs that cause neither an error nor a panic.
//!
//! ```text
//! bank            lists the accounts
//! bank sort       sorts them with the C library's `qsort`, whose callback meets a null pointer
//! bank transfer   deadlocks: two threads lock two accounts in opposite order; a watch reports it
//! ```
//!
//! After `bank sort`, the next start of the program writes the crash report.

use std::ffi::{c_int, c_void};
use std::sync::{Arc, Barrier, Mutex, PoisonError};
use std::time::Duration;
use std::{env, process::ExitCode, thread};

use flightrec::stackerr::{Error, bail};
use flightrec::{FlightRecorder, Heartbeat};
use log::{debug, info};

#[derive(Debug)]
struct Account {
    owner: &'static str,
    cents: i64,
}

const ACCOUNTS: [Account; 3] = [
    Account {
        owner: "Ada",
        cents: 1_200,
    },
    Account {
        owner: "Grace",
        cents: 700,
    },
    Account {
        owner: "Edsger",
        cents: 3_100,
    },
];

fn main() -> ExitCode {
    let recorder = flightrec::builder("bank")
        .version(env!("CARGO_PKG_VERSION"))
        .crash_safe(true)
        .install();
    match recorder {
        Ok(recorder) => recorder.run(|| bank(&recorder)),
        Err(error) => {
            eprintln!("bank: {error}");
            ExitCode::FAILURE
        }
    }
}

fn bank(recorder: &FlightRecorder) -> Result<(), Error> {
    info!("{} accounts", ACCOUNTS.len());
    match env::args().nth(1).as_deref() {
        None => list(),
        Some("sort") => sort_by_balance(),
        Some("transfer") => transfer_both_ways(recorder),
        Some(other) => bail!("unknown command {other:?}"),
    }
    Ok(())
}

fn list() {
    for Account { owner, cents } in ACCOUNTS {
        println!("{owner:8} {cents:>6}");
    }
}

// From the C library.
unsafe extern "C" {
    fn qsort(
        first: *mut c_void,
        count: usize,
        size: usize,
        compare: extern "C" fn(*const *const Account, *const *const Account) -> c_int,
    );
}

fn sort_by_balance() {
    let mut accounts: Vec<*const Account> = ACCOUNTS.iter().map(std::ptr::from_ref).collect();
    // The bug: this account was closed.
    accounts[1] = std::ptr::null();
    debug!("sorting {} accounts by balance", accounts.len());
    let size = size_of::<*const Account>();
    // SAFETY: the array has that many elements of that size, and the callback compares two of them.
    unsafe {
        qsort(
            accounts.as_mut_ptr().cast(),
            accounts.len(),
            size,
            by_balance,
        )
    };
}

/// Called by C.
extern "C" fn by_balance(one: *const *const Account, other: *const *const Account) -> c_int {
    debug!("comparing two accounts");
    // SAFETY: this is unsound on purpose: one of the pointers is null.
    let (one, other) = unsafe { (balance(*one), balance(*other)) };
    one.cmp(&other) as c_int
}

#[inline(never)]
unsafe fn balance(account: *const Account) -> i64 {
    // SAFETY: the caller passes a valid pointer. A volatile read has no check for null, as in C.
    unsafe { (&raw const (*account).cents).read_volatile() }
}

fn transfer_both_ways(recorder: &FlightRecorder) {
    let [ada, grace, _] = ACCOUNTS.map(|account| Arc::new(Mutex::new(account)));
    let both_locked_one = Arc::new(Barrier::new(2));
    let heartbeat = recorder.watch("transfers", Duration::from_secs(1));
    let salary = {
        let (from, to, ready) = (ada.clone(), grace.clone(), both_locked_one.clone());
        spawn("salary", move || pay_salary(&from, &to, &ready, &heartbeat))
    };
    let rent = spawn("rent", move || pay_rent(&grace, &ada, &both_locked_one));
    for thread in [salary, rent] {
        // The recorder has already reported a panic.
        let _ = thread.join();
    }
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> thread::JoinHandle<()> {
    let thread = thread::Builder::new().name(name.to_owned());
    thread.spawn(work).expect("a thread can be started")
}

#[inline(never)]
fn pay_salary(from: &Mutex<Account>, to: &Mutex<Account>, ready: &Barrier, heartbeat: &Heartbeat) {
    heartbeat.beat();
    debug!("locking the payer");
    let mut from = from.lock().unwrap_or_else(PoisonError::into_inner);
    ready.wait();
    debug!("{} pays; locking the payee", from.owner);
    let mut to = to.lock().unwrap_or_else(PoisonError::into_inner);
    from.cents -= 500;
    to.cents += 500;
    heartbeat.beat();
}

#[inline(never)]
fn pay_rent(from: &Mutex<Account>, to: &Mutex<Account>, ready: &Barrier) {
    debug!("locking the payer");
    let mut from = from.lock().unwrap_or_else(PoisonError::into_inner);
    ready.wait();
    debug!("{} pays; locking the payee", from.owner);
    let mut to = to.lock().unwrap_or_else(PoisonError::into_inner);
    from.cents -= 300;
    to.cents += 300;
}

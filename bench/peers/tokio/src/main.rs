//! Tasks that wait for a function that does nothing on a thread, again and again, with tokio:
//!   weir-bench-tokio spawn_blocking WAITERS THREADS SECONDS
use std::cell::RefCell;
use std::hint::black_box;
use std::rc::Rc;
use std::time::{Duration, Instant};

struct Times {
    begin: Instant,
    end: Instant,
    from: Option<(Instant, f64)>,
    to: Option<(Instant, f64)>,
    taken: Vec<Duration>,
}

/// Seconds of processor time of this process, with all its threads.
fn cpu_seconds() -> f64 {
    let mut used = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &mut used) };
    used.tv_sec as f64 + used.tv_nsec as f64 * 1e-9
}

fn nothing_much() -> i32 {
    black_box(1)
}

async fn waiter(times: Rc<RefCell<Times>>) {
    let mut begin = Instant::now();
    loop {
        tokio::task::spawn_blocking(nothing_much).await.expect("it cannot fail");
        let now = Instant::now();
        let mut times = times.borrow_mut();
        if begin < times.begin {
            if now >= times.begin && times.from.is_none() {
                times.from = Some((now, cpu_seconds()));
            }
        } else if now < times.end {
            times.taken.push(now - begin);
        } else {
            times.to.get_or_insert_with(|| (now, cpu_seconds()));
            return;
        }
        begin = now;
    }
}

fn main() {
    let words: Vec<String> = std::env::args().collect();
    if words.len() != 5 || words[1] != "spawn_blocking" {
        eprintln!("use: weir-bench-tokio spawn_blocking WAITERS THREADS SECONDS");
        std::process::exit(2);
    }
    let waiters: usize = words[2].parse().expect("WAITERS is a number");
    let threads: usize = words[3].parse().expect("THREADS is a number");
    let seconds: f64 = words[4].parse().expect("SECONDS is a number");

    let runtime = tokio::runtime::Builder::new_current_thread()
        .max_blocking_threads(threads)
        .build()
        .expect("a runtime can be made");
    let begin = Instant::now() + Duration::from_millis(100);
    let times = Rc::new(RefCell::new(Times {
        begin,
        end: begin + Duration::from_secs_f64(seconds),
        from: None,
        to: None,
        taken: Vec::with_capacity(16_000_000),
    }));
    let local = tokio::task::LocalSet::new();
    for _ in 0..waiters {
        local.spawn_local(waiter(times.clone()));
    }
    runtime.block_on(local);

    let mut times = times.borrow_mut();
    times.taken.sort_unstable();
    let (Some(from), Some(to)) = (times.from, times.to) else {
        println!("{{}}");
        return;
    };
    let count = times.taken.len();
    let us = |part: f64| times.taken[(part * count as f64) as usize].as_secs_f64() * 1e6;
    println!(
        "{{\"per_second\":{:.1},\"p50_us\":{:.3},\"p99_us\":{:.3},\"cpu_us\":{:.4}}}",
        count as f64 / (to.0 - from.0).as_secs_f64(),
        us(0.5),
        us(0.99),
        (to.1 - from.1) / count as f64 * 1e6
    );
}

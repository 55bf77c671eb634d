use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;

async fn read(pipe: &mut Pipe) -> (Vec<u8>, Option<io::ErrorKind>) {
    let mut octets = Vec::new();
    let error = pipe.read_to_end(&mut octets).await.err();
    (octets, error.map(|error| error.kind()))
}

#[tokio::test(start_paused = true)]
async fn octets_pass_whole_split_and_late() {
    let sent: Vec<u8> = (0..=255).cycle().take(10_000).collect();
    let chunks = [
        Chunks::Whole,
        Chunks::UpTo(1),
        Chunks::Random { max: 100, seed: 7 },
    ];
    let max = Duration::from_secs(1);
    let delays = [
        Delay::None,
        Delay::Fixed(max),
        Delay::Random { max, seed: 7 },
    ];
    for (chunks, delay) in chunks.into_iter().zip(delays) {
        let (mut client, mut server, wire) = pipe();
        wire.chunks(chunks);
        wire.delay(delay);
        wire.capacity(1000);
        let begin = Instant::now();
        let sending = async {
            client.write_all(&sent).await.unwrap();
            client.shutdown().await.unwrap();
        };
        let ((), received) = tokio::join!(sending, read(&mut server));
        assert_eq!(received, (sent.clone(), None));
        assert_eq!(wire.to_server.passed(), 10_000);
        assert_eq!(begin.elapsed() > Duration::ZERO, delay != Delay::None);
    }
}

#[tokio::test(start_paused = true)]
async fn it_can_be_corrupted_at_any_offset() {
    for at in 0..4 {
        let (mut client, mut server, wire) = pipe();
        client.write_all(b"before").await.unwrap();
        wire.to_server.record();
        wire.to_server.flip(at, 1);
        wire.to_server.insert(4 + at, b'x');
        wire.to_server.remove(8 + at);
        // In two writes, between which the plan goes on.
        client.write_all(b"00000").await.unwrap();
        client.write_all(b"0000000").await.unwrap();
        drop(client);
        let mut expected = b"before000000000000".to_vec();
        let at = usize::try_from(at).unwrap();
        expected[6 + at] = b'1';
        expected.insert(10 + at, b'x');
        expected.remove(15 + at);
        assert_eq!(read(&mut server).await, (expected, None));
        assert_eq!(&*wire.to_server.recorded(), b"000000000000");
    }
}

#[tokio::test(start_paused = true)]
async fn a_cut_ends_both_directions_after_what_was_written() {
    for (cut, told, refused) in [
        (Cut::Eof, None, io::ErrorKind::BrokenPipe),
        (
            Cut::Reset,
            Some(io::ErrorKind::ConnectionReset),
            io::ErrorKind::ConnectionReset,
        ),
    ] {
        let (mut client, mut server, wire) = pipe();
        wire.to_server.cut_after(3, cut);
        server.write_all(b"under way").await.unwrap();
        assert_eq!(client.write_all(b"wamp").await.unwrap_err().kind(), refused);
        assert_eq!(read(&mut server).await, (b"wam".to_vec(), told));
        assert_eq!(read(&mut client).await, (b"under way".to_vec(), told));
        assert_eq!(server.write_all(b"x").await.unwrap_err().kind(), refused);
    }
}

#[tokio::test(start_paused = true)]
async fn a_cut_is_felt_by_who_waits() {
    let (mut client, mut server, wire) = pipe();
    let writing = async { client.write_all(&[0; 100_000]).await };
    let cutting = async { wire.cut(Cut::Reset) };
    let (written, ()) = tokio::join!(writing, cutting);
    assert!(written.is_err());
    let (octets, error) = read(&mut server).await;
    assert_eq!(octets.len(), 64 << 10);
    assert!(error.is_some());
}

#[tokio::test(start_paused = true)]
async fn a_half_close_leaves_the_other_direction() {
    let (mut client, mut server, wire) = pipe();
    wire.to_server.half_close_after(2);
    assert!(client.write_all(b"wamp").await.is_err());
    assert_eq!(read(&mut server).await, (b"wa".to_vec(), None));
    server.write_all(b"still").await.unwrap();
    drop(server);
    assert_eq!(read(&mut client).await, (b"still".to_vec(), None));
}

#[tokio::test(start_paused = true)]
async fn a_stall_is_silent_and_fills_up() {
    let (mut client, mut server, wire) = pipe();
    wire.to_server.stall_after(2);
    wire.capacity(10);
    let minute = Duration::from_secs(60);
    let written = tokio::time::timeout(minute, client.write_all(&[0; 20])).await;
    assert!(written.is_err(), "it has room for 10 octets and no more");
    drop(client);
    let mut octets = [0; 20];
    assert_eq!(server.read(&mut octets).await.unwrap(), 2);
    let end = tokio::time::timeout(minute, server.read(&mut octets)).await;
    assert!(end.is_err(), "not even the end comes through");
}

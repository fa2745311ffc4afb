//! Messages to groups, and with files.

use samsyn_client::{wire, write_context};

use crate::{
    harness::{Domain, PARTY},
    messages::{POLICE, PRISON, function, question, reason},
    stolen::holds,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_to_a_group_goes_to_its_functions_of_then() {
    let mut domain = Domain::written();
    domain.start();
    let (city, police) = (domain.client(PARTY).await, domain.client(POLICE).await);
    let to_groups = vec!["arbetsgrupp-skarholmen".to_owned()];
    let call = wire::SendMessageRequest { to_groups, ..question(&city, &[]) };
    let id = city.send_message(call.clone()).await.unwrap();
    let came = police.inbox(&function(&police), 0, 0).await.unwrap();
    let head = came[0].head.as_ref().unwrap();
    assert_eq!(
        (&head.message_id, head.to_functions.as_slice()),
        (&id, [function(&police)].as_slice())
    );
    // The other one of the group sends to this one.
    let back = wire::SendMessageRequest {
        context: Some(write_context("")),
        to_groups: call.to_groups.clone(),
        ..question(&police, &[])
    };
    police.send_message(back).await.unwrap();
    assert_eq!(city.inbox(&function(&city), 0, 0).await.unwrap().len(), 1);
    // What its recipients may not have is told where the group was named.
    let mut secret = wire::SendMessageRequest { context: Some(write_context("")), ..call };
    secret.kind = "letter".to_owned();
    assert_eq!(reason(city.send_message(secret.clone()).await).0, "UNKNOWN_CODE");
    secret.kind = "notice".to_owned();
    secret.to_groups.push("ingen-sadan".to_owned());
    let nobody = city.send_message(secret).await;
    assert_eq!(reason(nobody), ("UNKNOWN_ADDRESS", "to_groups[1]".to_owned()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row46_files_go_with_a_message_and_are_given_to_its_parties_alone() {
    let mut domain = Domain::written();
    domain.start();
    let (city, prison) = (domain.client(PARTY).await, domain.client(PRISON).await);
    let police = domain.client(POLICE).await;
    let (from, to) = (function(&city), function(&prison));
    let list: Vec<u8> = "plats;antal\n".bytes().cycle().take(1_200_000).collect();
    let mut attachments = Vec::new();
    for (name, file) in [("lista.csv", list.as_slice()), ("karta.pdf", b"%PDF-1.7\n...")] {
        let uploaded = city.upload_attachment(&from, name, file).await.unwrap();
        assert_eq!(usize::try_from(uploaded.size_bytes).unwrap(), file.len());
        attachments.push(uploaded.attachment);
    }
    let sent = question(&city, std::slice::from_ref(&to));
    let sent = wire::SendMessageRequest { attachments: attachments.clone(), ..sent };
    let id = city.send_message(sent.clone()).await.unwrap();
    // Sent again under its key it is the same message, with the same files.
    assert_eq!(city.send_message(sent).await.unwrap(), id);
    assert_eq!(prison.inbox(&to, 0, 0).await.unwrap()[0].head.as_ref().unwrap().attachments, 2);
    for (client, function) in [(&city, &from), (&prison, &to)] {
        let (told, file) = client.attachment(function, &id, 1).await.unwrap();
        assert_eq!((told.name.as_str(), told.media_type.as_str()), ("lista.csv", "text/plain"));
        assert_eq!(file, list);
        let (told, _) = client.attachment(function, &id, 2).await.unwrap();
        assert_eq!(told.media_type, "application/pdf");
    }
    let outside = police.attachment(&function(&police), &id, 1).await;
    assert_eq!(reason(outside), ("NOT_FOUND", "message_id".to_owned()));
    let none = prison.attachment(&to, &id, 3).await;
    assert_eq!(reason(none), ("NOT_FOUND", "number".to_owned()));
    // What is no file for a message is refused, by its bytes and by its name.
    let program = city.upload_attachment(&from, "lista.csv", b"\x7fELF\x02\x01\x01\0").await;
    assert_eq!(reason(program), ("ATTACHMENT_TYPE", "chunk".to_owned()));
    let empty = city.upload_attachment(&from, "lista.csv", b"").await;
    assert_eq!(reason(empty), ("MISSING_FIELD", "chunk".to_owned()));
    let named = city.upload_attachment(&from, "19640823-3234.csv", b"a").await;
    assert_eq!(reason(named), ("IDENTIFIER_FOUND", "name".to_owned()));
    let not_mine = prison.upload_attachment(&from, "lista.csv", b"a").await;
    assert_eq!(reason(not_mine), ("NOT_FOUND", "function_address".to_owned()));
    // A token of another function is none, and none that was bent.
    let mut bent = attachments[0].clone();
    bent[20] ^= 1;
    for (client, attachment) in [(&prison, attachments[0].clone()), (&city, bent)] {
        let sent = question(client, &[function(&police)]);
        let sent = wire::SendMessageRequest { attachments: vec![attachment], ..sent };
        let refused = client.send_message(sent).await;
        assert_eq!(reason(refused), ("NOT_FOUND", "attachments[0]".to_owned()));
    }
    // Nothing of a file can be read where it stands.
    let folder = domain.path().join("data").join("attachments");
    assert!(!holds(&folder, b"\0", "keys.json").is_empty(), "the search finds nothing");
    assert_eq!(holds(&folder, b"plats;antal", "keys.json"), [""; 0]);
}

"""What people say to each other: subtitles, mail, chats."""

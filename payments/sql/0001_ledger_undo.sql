DROP TABLE payments_checkpoint, payments_transfer, payments_journal, payments_ledgeraccount;

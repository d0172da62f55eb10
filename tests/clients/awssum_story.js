// A seller's program of 2013: awssum-amazon-fps on Node, every operation of it that works.
//
//     awssum_story.js PORT      with FPS_KEY, FPS_SECRET and FPS_TOKENS in the environment
//
// It writes one JSON value a line: [name, value]. awssum has the hosts of the original service built in; where it
// connects to is said by its own options `protocol` and `agent`, as with a proxy. Nothing in it is changed.
'use strict';

const http = require('http');
const { Fps } = require('awssum-amazon-fps');

const tokens = JSON.parse(process.env.FPS_TOKENS);
const fps = new Fps({
  accessKeyId: process.env.FPS_KEY,
  secretAccessKey: process.env.FPS_SECRET,
  region: 'FPS-SANDBOX',
  protocol: 'http',
  agent: new http.Agent({ host: '127.0.0.1', port: Number(process.argv[2]) }),
});
const answered = new Set();
let references = 0;

function tell(...found) {
  console.log(JSON.stringify(found.map(String)));
}

// The result element of a call.
function call(operation, args) {
  return new Promise((resolve, reject) => {
    fps[operation](args || {}, (problem, answer) => {
      if (problem) return reject(problem);
      answered.add(operation);
      resolve(answer.Body[operation + 'Response'][operation + 'Result']);
    });
  });
}

// The code of the refusal and its HTTP status.
async function refused(operation, args) {
  try {
    await call(operation, args);
  } catch (problem) {
    return problem.Body.Response.Errors.Error.Code + ' ' + problem.StatusCode;
  }
  return 'not refused';
}

function money(name, value) {
  return { [name + '.Value']: value, [name + '.CurrencyCode']: 'USD' };
}

function reference() {
  references += 1;
  return 'awssum ~*!() ' + references;
}

async function settled(transaction) {
  for (let tries = 0; tries < 300; tries += 1) {
    const { TransactionStatus } = await call('GetTransactionStatus', { TransactionId: transaction });
    if (TransactionStatus !== 'Pending') return TransactionStatus;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return 'still Pending';
}

async function prepaid() {
  const { instrument, money: funding, spending } = tokens.prepaid;
  const funded = await call('FundPrepaid', {
    SenderTokenId: funding, PrepaidInstrumentId: instrument, CallerReference: reference(),
    SenderDescription: 'caf\u00e9 & more', ...money('FundingAmount', '10.00'),
  });
  tell('funding', await settled(funded.TransactionId));
  const payment = {
    SenderTokenId: spending, CallerReference: reference(), OverrideIpnUrl: 'https://shop.example/ipn',
    ...money('TransactionAmount', '4.00'),
  };
  const first = await call('Pay', payment);
  const again = await call('Pay', payment);
  tell('paid once', first.TransactionStatus, first.TransactionId === again.TransactionId);
  tell('too much', await refused('Pay', { ...payment, CallerReference: reference(), ...money('TransactionAmount', '6.01') }));
  const refund = await call('Refund', {
    TransactionId: first.TransactionId, CallerReference: reference(), ...money('RefundAmount', '1.00'),
  });
  tell('refund', await settled(refund.TransactionId));
  const { OutstandingPrepaidLiability: owed } = await call('GetTotalPrepaidLiability');
  tell('liability', owed.OutstandingBalance.Value);
  const { Transaction: found } = await call('GetTransaction', { TransactionId: first.TransactionId });
  tell('transaction', found.FPSOperation, found.TransactionAmount.Value, found.PaymentMethod);
}

async function postpaid() {
  const { instrument, money: settling, spending } = tokens.postpaid;
  await call('Pay', { SenderTokenId: spending, CallerReference: reference(), ...money('TransactionAmount', '40.00') });
  const settlement = await call('SettleDebt', {
    SenderTokenId: settling, CreditInstrumentId: instrument, CallerReference: reference(),
    ...money('SettlementAmount', '30.00'),
  });
  tell('settlement', await settled(settlement.TransactionId));
  const { DebtBalance: debt } = await call('GetDebtBalance', { CreditInstrumentId: instrument });
  tell('debt', debt.AvailableBalance.Value, debt.PendingOutBalance.Value);
  await call('WriteOffDebt', {
    CreditInstrumentId: instrument, CallerReference: reference(), ...money('AdjustmentAmount', '10.00'),
  });
  const { OutstandingDebt: rest } = await call('GetOutstandingDebtBalance');
  tell('written off', rest.OutstandingBalance.Value);
}

async function reservations() {
  const reserve = async (amount) => {
    const held = await call('Reserve', {
      SenderTokenId: tokens.card, CallerReference: reference(), ...money('TransactionAmount', amount),
    });
    return [held.TransactionId, await settled(held.TransactionId)];
  };
  const [held, status] = await reserve('8.00');
  const done = await call('Settle', { ReserveTransactionId: held, ...money('TransactionAmount', '7.00') });
  tell('reservation', status, await settled(done.TransactionId));
  const [other] = await reserve('3.00');
  tell('cancelled', (await call('Cancel', { TransactionId: other, Description: 'sold out' })).TransactionStatus);
}

async function asking() {
  const { AccountBalance: account } = await call('GetAccountBalance');
  tell('cash', account.TotalBalance.Value);
  const activity = await call('GetAccountActivity', { StartDate: '2012-01-01T00:00:00Z', FpsOperation: 'Refund' });
  tell('activity', activity.BatchSize, activity.Transaction.TransactionAmount.Value);
  const { Token: own } = await call('GetTokens', { TokenStatus: 'Active' });
  tell('tokens on the own account', own === undefined ? 'none' : own.length);
  const usage = await call('GetTokenUsage', { TokenId: tokens.monthly });
  tell('usage', usage.TokenUsageLimits.Count, usage.TokenUsageLimits.LastResetTimestamp !== undefined);
  const recipient = await call('GetRecipientVerificationStatus', { RecipientTokenId: tokens.recipient });
  tell('recipient', recipient.RecipientVerificationStatus);
  const checked = await call('VerifySignature', {
    UrlEndPoint: 'http://127.0.0.1:8080/back',
    HttpParameters: 'status=SC&signature=AAAA&signatureVersion=2&signatureMethod=RSA-SHA1'
      + '&certificateUrl=' + encodeURIComponent('https://elsewhere.example/certs/1/PKICert.pem'),
  });
  tell('forged', checked.VerificationStatus);
  await call('CancelToken', { TokenId: tokens.monthly, ReasonText: 'moved away' });
  tell('cancelled token', await refused('Pay', {
    SenderTokenId: tokens.monthly, CallerReference: reference(), ...money('TransactionAmount', '5.00'),
  }));
}

async function mistakes() {
  // two operations of awssum have names that no service ever had
  tell('GetPrepaidDebtBalance', await refused('GetPrepaidDebtBalance', { PrepaidInstrumentId: tokens.prepaid.instrument }));
  tell('GetTokensByCaller', await refused('GetTokensByCaller', { TokenId: tokens.card }));
  tell('parameter of another case', await refused('Pay', {
    SenderTokenId: tokens.card, CallerReference: reference(), 'DescriptorPolicy.CsOwner': 'Caller',
    ...money('TransactionAmount', '1.00'),
  }));
}

async function story() {
  await prepaid();
  await postpaid();
  await reservations();
  await asking();
  await mistakes();
  const operations = Object.keys(Fps.prototype).filter((name) => /^[A-Z]/.test(name));
  tell('never answered', operations.filter((name) => !answered.has(name)).join(' '), operations.length);
}

story().catch((problem) => {
  console.error(problem instanceof Error ? problem.stack : JSON.stringify(problem));
  process.exitCode = 1;
});
